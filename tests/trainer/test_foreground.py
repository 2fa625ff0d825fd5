"""Object masks of simple backgrounds."""

import importlib.util

import numpy as np
import pytest
from PIL import Image

from trainer.foreground import main
from trainer.masks.regions import fill_holes
from trainer.miniature.data import DEFECTS, render


def overlap(found, truth):
    """Of a mask and the true object with its holes filled, which is what is asked for."""
    found, truth = np.asarray(found) > 127, fill_holes((np.asarray(truth) > 127).astype(np.uint8)) > 0
    return (found & truth).sum() / (found | truth).sum()


@pytest.fixture
def widgets(tmp_path):
    (tmp_path / "images").mkdir()
    truths = {}
    for seed, defect in enumerate([None, *DEFECTS]):
        picture = render(np.random.default_rng(seed), 160, defect)
        name = f"{seed:03d}.png"
        picture.image.save(tmp_path / "images" / name)
        truths[name] = picture.object_mask
    return tmp_path, truths


def run(folder, *extra):
    return main(["--images", str(folder / "images"), "--output", str(folder / "masks"), *extra])


def test_masks_carry_the_images_names_and_sizes_and_show_the_object_white(widgets):
    folder, truths = widgets
    assert run(folder) == 0
    assert {path.name for path in (folder / "masks").glob("*.*")} == set(truths)
    for name, truth in truths.items():
        mask = Image.open(folder / "masks" / name)
        assert mask.mode == "L"
        assert mask.size == truth.size
        assert overlap(mask, truth) > 0.97


def test_light_that_falls_off_is_background(tmp_path):
    (tmp_path / "images").mkdir()
    y, x = np.mgrid[0:120, 0:160]
    pixels = 60 + 0.7 * x[..., None] + np.array([0, 5, 10])
    truth = (x - 80) ** 2 + (y - 60) ** 2 < 30**2
    pixels[truth] = (200, 40, 40)
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "images" / "a.jpg", quality=95)
    assert run(tmp_path) == 0
    assert overlap(Image.open(tmp_path / "masks" / "a.png"), truth * 255) > 0.95


def test_an_image_without_an_object_is_named_and_nothing_is_written(widgets, capsys):
    folder, _ = widgets
    Image.new("RGB", (160, 160), (90, 90, 90)).save(folder / "images" / "plain.png")
    assert run(folder) == 1
    assert "plain.png" in capsys.readouterr().err
    assert not (folder / "masks").exists()


def test_existing_masks_are_not_overwritten(widgets, capsys):
    folder, _ = widgets
    (folder / "masks").mkdir()
    (folder / "masks" / "drawn by hand.png").write_bytes(b"mine")
    assert run(folder) == 1
    assert "drawn by hand.png" in capsys.readouterr().err
    assert (folder / "masks" / "drawn by hand.png").read_bytes() == b"mine"


def test_a_dark_defect_inside_the_object_does_not_pass_for_background(tmp_path):
    (tmp_path / "images").mkdir()
    pixels = np.full((100, 100, 3), 30, np.uint8)
    pixels[20:80, 20:80] = 180
    pixels[45:55, 45:55] = 30
    Image.fromarray(pixels).save(tmp_path / "images" / "a.png")
    assert run(tmp_path) == 0
    assert np.asarray(Image.open(tmp_path / "masks" / "a.png"))[40:60, 40:60].min() > 250


@pytest.mark.skipif(importlib.util.find_spec("rembg") is not None, reason="rembg is installed here")
def test_rembg_that_is_not_there_is_one_message(widgets, capsys):
    folder, _ = widgets
    assert run(folder, "--method", "rembg") == 1
    assert "rembg[cpu]" in capsys.readouterr().err


def texture(folder, number=2):
    (folder / "images").mkdir()
    for seed in range(number):
        noise = np.random.default_rng(seed).normal(size=(160, 160))
        for axis in (0, 1):
            noise = sum(np.roll(noise, step, axis) for step in range(4))
        pixels = np.clip(128 + noise * 12, 0, 255).astype(np.uint8)
        Image.fromarray(np.dstack([pixels, pixels // 2, pixels // 3])).save(folder / "images" / f"{seed}.png")


def test_a_texture_is_refused_with_what_to_do_instead(tmp_path, capsys):
    texture(tmp_path)
    assert run(tmp_path) == 1
    said = capsys.readouterr().err
    assert "a texture" in said
    assert "--variant dual" in said
    assert "--method whole" in said
    assert not (tmp_path / "masks").exists()


def test_whole_images_may_be_the_object(tmp_path):
    texture(tmp_path)
    assert run(tmp_path, "--method", "whole") == 0
    assert [Image.open(path).getextrema() for path in (tmp_path / "masks").glob("*.png")] == [(255, 255)] * 2


def test_a_tray_of_several_objects_is_no_texture(tmp_path):
    (tmp_path / "images").mkdir()
    pixels = np.full((160, 160, 3), 220, np.uint8)
    for y in range(20, 150, 30):
        for x in range(20, 150, 30):
            pixels[y : y + 14, x : x + 14] = (180, 20, 20)
    Image.fromarray(pixels).save(tmp_path / "images" / "tray.png")
    assert run(tmp_path) == 0
    assert (tmp_path / "masks" / "look" / "contact-sheet.jpg").is_file()
