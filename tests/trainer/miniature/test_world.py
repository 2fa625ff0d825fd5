"""The drawn world: its truth fits its pictures pixel for pixel, and a seed gives the same bytes everywhere."""

import hashlib

import numpy as np
import pytest

from trainer.data.dataset import TrainingSet
from trainer.miniature.world.batch import draw_many
from trainer.miniature.world.categories import (
    JUDGING_CATEGORIES,
    TUNING_CATEGORIES,
    category_look,
    draw_category,
    write_category,
)
from trainer.miniature.world.draws import Draws
from trainer.miniature.world.objects import OBJECTS
from trainer.miniature.world.scene import KINDS, any_look, draw, draw_any

OUTLINED = tuple(name for name in OBJECTS if name != "sheet")


@pytest.mark.parametrize("kind", KINDS)
def test_the_mask_is_exactly_what_the_anomaly_changed(kind):
    for index in range(12):
        look = any_look(Draws("look", index), OUTLINED)
        marred, clean = draw((5, index), look, kind), draw((5, index), look, None)
        changed = (marred.image != clean.image).any(2)
        assert np.array_equal(marred.anomaly_mask, changed.astype(np.uint8) * 255)
        assert not clean.anomaly_mask.any()
        size = int(changed.sum())
        assert 15 <= size <= 1200, (kind, index, size)
        levels = np.abs(marred.image.astype(int) - clean.image.astype(int)).max(2)[changed]
        assert np.median(levels) >= 24, (kind, index)


def test_anomalies_lie_on_the_object_and_a_chip_takes_it_away():
    for index in range(12):
        look = any_look(Draws("look", index), OUTLINED)
        clean = draw((6, index), look, None).object_mask
        for kind in set(KINDS) - {"thread"}:
            assert not ((draw((6, index), look, kind).anomaly_mask > 0) & (clean == 0)).any(), (kind, index)
        chipped = draw((6, index), look, "chip")
        assert (chipped.object_mask <= clean).all()
        assert chipped.object_mask[chipped.anomaly_mask > 0].mean() < 0.5 * clean[chipped.anomaly_mask > 0].mean()


def test_no_anomaly_hides_in_the_border():
    for index in range(200):
        mask = draw_any((7, index)).anomaly_mask
        assert not mask[[0, -1]].any()
        assert not mask[:, [0, -1]].any()


def test_a_seed_gives_the_same_bytes_under_every_version():
    total = hashlib.sha256()
    for index in range(40):
        picture = draw_any((11, index))
        for array in (picture.image, picture.object_mask, picture.anomaly_mask):
            total.update(array.tobytes())
    for category in TUNING_CATEGORIES + JUDGING_CATEGORIES:
        total.update(draw_category(category, "scratch", 0, 0).image.tobytes())
    assert total.hexdigest() == "266ad1aa812e72460a6e3b145e5daad9391f8ea270f685fb3997121cbd762462"


def test_many_at_once_are_the_same_pictures_with_captions_that_name_them():
    pictures = draw_many(3, 30, processes=2)
    for index in (0, 17, 29):
        alone = draw_any((3, index))
        assert np.array_equal(pictures.images[index], alone.image)
        assert pictures.kinds[index] == (KINDS.index(alone.kind) + 1 if alone.kind else 0)
        assert alone.look.object in pictures.captions[index]
        assert (alone.kind or "with") in pictures.captions[index] or alone.kind is None
        assert pictures.part_captions[index].endswith("on grey") == (alone.kind is not None)
    assert not any("sks" in text or "vfx" in text for text in pictures.captions + pictures.part_captions)


def test_the_unseen_categories_are_six_and_no_object_of_the_base():
    assert len({*TUNING_CATEGORIES, *JUDGING_CATEGORIES}) == 6
    assert not {*TUNING_CATEGORIES, *JUDGING_CATEGORIES} & {*OBJECTS}
    assert category_look("gear") == category_look("gear")


def test_a_category_is_a_data_set_that_the_trainer_reads(tmp_path):
    count = write_category("key", tmp_path / "data", tmp_path / "fg", seed=0, good=2, each=3, kinds=("crack", "hole"))
    assert count == 10
    data = TrainingSet(
        tmp_path / "data" / "key" / "test" / "crack",
        condition_dir=tmp_path / "fg",
        resolution=128,
        variant="bcm",
        selection="all",
    )
    assert len(data) == 3
    arrays = data.tensors(0, hflip=False, vflip=False)
    mask = draw_category("key", "crack", 0, 0).anomaly_mask > 0
    assert np.array_equal((arrays["part"] != 0).any(0) | ~mask, np.ones_like(mask))
    assert not arrays["part"][:, ~mask].any()
    assert len(list((tmp_path / "fg" / "key" / "good").iterdir())) == 2
