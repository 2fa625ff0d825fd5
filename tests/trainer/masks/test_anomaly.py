"""Masks from part frames whose truth is known."""

import cv2
import numpy as np
import pytest
from PIL import Image

from trainer.masks.__main__ import main
from trainer.masks.anomaly import MaskSettings, agreement, extract_mask

SIDE = 256


def draw(kind, generator):
    """A true mask of one kind of defect."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    x, y = (int(value) for value in generator.uniform(0.35, 0.65, 2) * SIDE)
    if kind == "blob":
        cv2.ellipse(mask, (x, y), (40, 25), 30, 0, 360, 1, -1)
    elif kind == "scratch":
        cv2.line(mask, (x - 40, y - 20), (x + 50, y + 30), 1, 4)
    elif kind == "spots":
        for step in (-50, 0, 50):
            cv2.circle(mask, (x + step, y + step // 2), 6, 1, -1)
    return mask > 0


def part_frame(mask, contrast, generator):
    """What a decoder makes of it: textured, blurred, noisy, on mid-grey."""
    colour = contrast * generator.choice([-1, 1], 3) * generator.uniform(40, 90, 3)
    texture = cv2.GaussianBlur(generator.normal(0, 30, (SIDE, SIDE, 3)), (0, 0), 2)
    picture = np.where(mask[..., None], 127.5 + colour + contrast * texture, 127.5)
    picture = cv2.GaussianBlur(picture, (0, 0), 1.0) + generator.normal(0, 1.5, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("kind", "least"), [("blob", 0.93), ("scratch", 0.7), ("spots", 0.8)])
@pytest.mark.parametrize("contrast", [1.0, 0.3])
def test_the_mask_fits_the_defect(kind, least, contrast):
    overlaps = []
    for seed in range(4):
        generator = np.random.default_rng(seed)
        truth = draw(kind, generator)
        found = extract_mask(part_frame(truth, contrast, generator))
        assert found.rejected is None
        overlaps.append((found.mask & truth).sum() / (found.mask | truth).sum())
    assert np.mean(overlaps) > least


def test_a_strong_and_a_weak_spot_are_both_found():
    generator = np.random.default_rng(0)
    strong, weak = np.zeros((2, SIDE, SIDE), bool)
    strong[60:90, 60:90] = True
    weak[160:190, 160:190] = True
    picture = np.full((SIDE, SIDE, 3), 127.5) + generator.normal(0, 1.5, (SIDE, SIDE, 3))
    picture[strong] += 110
    picture[weak] -= 20
    found = extract_mask(np.clip(picture, 0, 255).astype(np.uint8)).mask
    assert found[strong].mean() > 0.95
    assert found[weak].mean() > 0.95
    assert found[~(strong | weak)].mean() < 0.002


def test_holes_are_filled_and_specks_dropped():
    picture = np.full((SIDE, SIDE, 3), 127, np.uint8)
    cv2.circle(picture, (100, 100), 30, (220, 40, 40), 5)
    picture[200, 200] = 255
    found = extract_mask(picture, MaskSettings(min_area=100)).mask
    assert found[100, 100]
    assert not found[195:206, 195:206].any()
    assert extract_mask(picture, MaskSettings(min_area=1)).mask[200, 200]


@pytest.mark.parametrize("seed", range(5))
def test_an_empty_frame_is_rejected(seed):
    noise = np.random.default_rng(seed).normal(127.5, 2, (SIDE, SIDE, 3))
    found = extract_mask(noise.astype(np.uint8))
    assert not found.mask.any()
    assert "nothing" in found.rejected


def test_a_frame_that_is_not_on_grey_is_rejected():
    found = extract_mask(np.full((SIDE, SIDE, 3), 20, np.uint8))
    assert not found.mask.any()
    assert "not mid-grey (median RGB 20, 20, 20)" in found.rejected


def test_agreement_counts_inside_the_mask_only():
    image = np.zeros((10, 10, 3), np.uint8)
    part = np.full((10, 10, 3), 127, np.uint8)
    mask = np.zeros((10, 10), bool)
    assert agreement(image, part, mask) == 0
    mask[2:4, 2:4] = True
    part[mask] = 0
    assert agreement(image, part, mask) == 1
    part[mask] = 51
    assert agreement(image, part, mask) == pytest.approx(0.6)
    image[mask] = 255
    assert agreement(image, part, mask) == 0


def test_a_folder_of_part_frames(tmp_path, capsys):
    (tmp_path / "fg").mkdir()
    generator = np.random.default_rng(0)
    truth = draw("blob", generator)
    Image.fromarray(part_frame(truth, 1.0, generator)).save(tmp_path / "fg" / "0.png")
    Image.fromarray(np.full((SIDE, SIDE, 3), 127, np.uint8)).save(tmp_path / "fg" / "1.png")
    assert main(["--fg", str(tmp_path / "fg"), "--output", str(tmp_path / "mask")]) == 0
    assert "1.png: no mask" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "mask").iterdir()] == ["0.png"]
    written = np.asarray(Image.open(tmp_path / "mask" / "0.png"))
    assert set(np.unique(written)) == {0, 255}
    assert main(["--fg", str(tmp_path / "fg"), "--output", str(tmp_path / "mask")]) == 1
    assert "not empty" in capsys.readouterr().err


def test_two_images_never_share_a_mask(tmp_path, capsys):
    (tmp_path / "fg").mkdir()
    for name in ("a.png", "a.jpg"):
        Image.fromarray(np.full((SIDE, SIDE, 3), 127, np.uint8)).save(tmp_path / "fg" / name)
    assert main(["--fg", str(tmp_path / "fg"), "--output", str(tmp_path / "mask")]) == 1
    assert "share the mask a.png" in capsys.readouterr().err
    assert not (tmp_path / "mask").exists()
