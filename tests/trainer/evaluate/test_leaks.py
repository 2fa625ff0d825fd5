"""Deliberate cheating: training images in the test set, re-encoded and resized too; an image twice; masks inverted."""

import shutil

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.trainer.evaluate.evaluating import ANOMALIES, CATEGORY, write_world
from trainer.errors import TrainerError
from trainer.evaluate import leaks
from trainer.evaluate.protocols import PROTOCOLS
from trainer.evaluate.sources import gather, named


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return write_world(tmp_path_factory.mktemp("drawn"))


@pytest.fixture
def world(drawn, tmp_path):
    return shutil.copytree(drawn, tmp_path / "world")


def checked(world):
    rows = named([world / "generated"], [], [], [])
    (category,) = gather(rows, world / "data", PROTOCOLS["strict"])
    return leaks.check(category)


def test_nothing_is_found_where_nothing_is_wrong(world):
    found = checked(world)
    assert found == leaks.Checks((), (), (), (), ())
    leaks.refuse(CATEGORY, found)


def as_it_is(image, path):
    image.save(path.with_suffix(".png"))


def encoded(image, path):
    image.save(path.with_suffix(".jpg"), quality=60)


def smaller(image, path):
    image.resize((72, 72), Image.Resampling.LANCZOS).save(path.with_suffix(".jpg"), quality=90)


def larger(image, path):
    image.resize((333, 333)).save(path.with_suffix(".png"))


def darker(image, path):
    image.point(lambda value: int(0.97 * value)).save(path.with_suffix(".webp"))


@pytest.mark.parametrize("copied", [as_it_is, encoded, smaller, larger, darker])
@pytest.mark.parametrize("trained", ["test/scratch/000.png", "train/good/001.png"])
def test_training_images_among_the_test_images(world, copied, trained):
    folder = world / "data" / CATEGORY
    place = folder / ("test/good" if "good" in trained else "test/scratch")
    image = Image.open(folder / trained)
    copied(image, place / "990")
    if "scratch" in trained:
        mask = Image.new("L", next(place.glob("990.*")) and Image.open(next(place.glob("990.*"))).size)
        mask.paste(255, (10, 10, 30, 20))
        mask.save(folder / "ground_truth/scratch/990_mask.png")
    found = checked(world)
    assert [(a.endswith(trained), "990" in b) for a, b in found.leaks] == [(True, True)]
    with pytest.raises(TrainerError, match="1 test images are training images"):
        leaks.refuse(CATEGORY, found)


def test_an_image_twice(world):
    folder = world / "data" / CATEGORY / "test/good"
    encoded(Image.open(folder / "002.png"), folder / "991")
    found = checked(world)
    assert [(a[-7:], b[-7:]) for a, b in found.twice] == [("002.png", "991.jpg")]
    assert not found.leaks
    with pytest.raises(TrainerError, match="there twice"):
        leaks.refuse(CATEGORY, found)


@pytest.mark.parametrize("which", ["real", "generated"])
def test_inverted_masks(world, which):
    masks = world / ("data" if which == "real" else "generated") / CATEGORY
    masks = masks / ("ground_truth/hole" if which == "real" else "hole/mask")
    files = sorted(masks.iterdir())
    for file in files:
        ImageOps.invert(Image.open(file)).save(file)
    found = checked(world)
    assert len(found.inverted) == len(files)
    with pytest.raises(TrainerError, match="inverted"):
        leaks.refuse(CATEGORY, found)


def test_memorised_and_copied_pictures_are_reported_and_refuse_nothing(world):
    folder = world / "data" / CATEGORY / "test" / "scratch"
    made = world / "generated" / CATEGORY / "scratch" / "image"
    for number, name in enumerate(("000.png", "005.png")):
        Image.open(folder / name).resize((100, 100)).resize((128, 128)).save(made / f"{number}.png")
    found = checked(world)
    assert [(a[-7:], b[-5:]) for a, b in found.memorised] == [("000.png", "0.png")]
    assert [(a[-7:], b[-5:]) for a, b in found.copied] == [("005.png", "1.png")]
    leaks.refuse(CATEGORY, found)


def test_pictures_without_structure_are_no_copies(tmp_path):
    for number in range(3):
        Image.fromarray(np.full((100, 100, 3), 100 + number, np.uint8)).save(tmp_path / f"{number}.png")
    found = leaks.looks(sorted(tmp_path.iterdir()))
    assert not leaks.same_photographs(found, found)
    assert ANOMALIES == ("hole", "scratch")
