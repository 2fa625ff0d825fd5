"""The gate on drawn pairs whose truth is known: it accepts what shows what it says, and names each fault."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import pytest

from trainer.generate.gate import Background, Reference, judge_pair
from trainer.generate.likeness import SetLikeness, thumbnail
from trainer.generate.reference import TrainingPair
from trainer.miniature.world.categories import category_look, draw_category
from trainer.miniature.world.scene import draw

KINDS = ("scratch", "hole", "stain", "dent", "spots", "chip")


def blurred(image):
    """Roughly what a decoder makes of a picture."""
    noise = np.random.default_rng(0).normal(0, 1.5, image.shape)
    return np.clip(cv2.GaussianBlur(image.astype(np.float32), (0, 0), 0.8) + noise, 0, 255).astype(np.uint8)


@functools.cache
def scene(kind, index, category="gear"):
    """Whole, part, mask, and the same picture without its anomaly."""
    picture = draw_category(category, kind, 0, index)
    clean = draw((category, kind, 0, index), category_look(category), None)
    mask = picture.anomaly_mask > 0
    part = np.where(mask[..., None], picture.image, np.uint8(128))
    return blurred(picture.image), blurred(part), mask, clean


@functools.cache
def reference(kind):
    pictures = [draw_category("gear", kind, 0, index) for index in range(3)]
    return Reference(tuple(TrainingPair(f"{i}.png", p.image, p.anomaly_mask > 0) for i, p in enumerate(pictures)))


def background(kind, index):
    clean = scene(kind, index)[3]
    return Background(clean.image, clean.object_mask >= 128)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("on_background", [True, False])
def test_a_pair_that_shows_what_it_says_is_accepted_with_its_mask(kind, on_background):
    image, part, mask, _ = scene(kind, 4)
    verdict = judge_pair(image, part, reference(kind), background(kind, 4) if on_background else None)
    assert verdict.reasons == (), verdict.words
    assert verdict.words is None
    # Through a chip the ground shows, whose colour is near the part frame's grey.
    assert (verdict.mask & mask).sum() / (verdict.mask | mask).sum() > (0.3 if kind == "chip" else 0.6)
    assert verdict.measures["shown"] > 0.7
    assert verdict.nearest is not None
    assert verdict.nearest.name in ("0.png", "1.png", "2.png")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("on_background", [True, False])
def test_a_whole_image_without_the_anomaly_is_told_with_its_number(kind, on_background):
    _, part, _, clean = scene(kind, 4)
    behind = background(kind, 4) if on_background else None
    verdict = judge_pair(blurred(clean.image), part, reference(kind), behind)
    assert "not-shown" in verdict.reasons
    assert verdict.measures["shown"] < (0.3 if on_background else 0.5)
    assert f"share {verdict.measures['shown']:.2f}" in verdict.words


@pytest.mark.parametrize("kind", ["scratch", "hole", "stain"])
def test_an_anomaly_elsewhere_in_the_image_does_not_count(kind):
    other = scene(kind, 5)[0]
    assert "not-shown" in judge_pair(other, scene(kind, 4)[1], reference(kind)).reasons


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_a_weak_anomaly_counts_as_long_as_both_frames_show_it_alike(strength):
    picture = draw(("gear", "scratch", 0, 4), category_look("gear"), "scratch", strength=strength)
    part = np.where((picture.anomaly_mask > 0)[..., None], picture.image, np.uint8(128))
    assert "not-shown" not in judge_pair(blurred(picture.image), blurred(part)).reasons


def test_a_part_of_nothing_or_on_no_grey_has_no_mask():
    image = scene("hole", 4)[0]
    empty = judge_pair(image, np.full_like(image, 128))
    assert empty.reasons == ("empty",)
    assert not empty.mask.any()
    assert judge_pair(image, np.full_like(image, 240)).reasons == ("background",)


def test_specks_at_the_border_are_taken_out_and_an_anomaly_cut_by_it_is_told():
    image, part, mask, _ = scene("stain", 4)
    spoilt = part.copy()
    spoilt[:3, 10:14] = 20
    spoilt[60:62, -2:] = 250
    verdict = judge_pair(image, spoilt, reference("stain"))
    assert verdict.reasons == ()
    assert not verdict.mask[0].any()
    assert verdict.measures["mask_removed"] > 0
    middle = int(np.nonzero(mask)[0].mean())
    cut = judge_pair(image[middle:], part[middle:], reference("stain"))
    assert "border" in cut.reasons
    assert cut.measures["border"] > 3


def test_at_the_border_where_training_anomalies_are_it_is_no_accident():
    pictures = [scene("stain", index) for index in range(3)]
    middles = [int(np.nonzero(mask)[0].mean()) for _, _, mask, _ in pictures]
    cut = [TrainingPair("a.png", p[0][m : m + 64], p[2][m : m + 64]) for p, m in zip(pictures, middles, strict=True)]
    image, part, mask, _ = scene("stain", 4)
    middle = int(np.nonzero(mask)[0].mean())
    verdict = judge_pair(image[middle : middle + 64], part[middle : middle + 64], Reference(tuple(cut)))
    assert "border" not in verdict.reasons


def test_another_size_thickness_or_colour_than_the_training_ones_is_told():
    image, part, mask, _ = scene("hole", 4)
    assert "unlike" in judge_pair(*scene("scratch", 4)[:2], reference("hole")).reasons
    large = cv2.resize(np.concatenate([image, part], 1)[20:108], None, fx=4, fy=4)
    whole = judge_pair(*np.split(large, 2, 1), reference("hole"))
    assert whole.measures["size"] == pytest.approx(judge_pair(image, part, reference("hole")).measures["size"], rel=1.0)
    dot = np.zeros_like(mask)
    rows, columns = np.nonzero(mask)
    dot[rows[len(rows) // 2] - 2 : rows[len(rows) // 2] + 2, columns.mean().astype(int) :][:, :4] = True
    small = np.where(dot[..., None], image, np.uint8(128))
    reasons = judge_pair(image, small, reference("hole")).reasons
    assert {"size", "thickness"} & {*reasons}


def test_off_the_object_is_told_where_there_is_a_background():
    image, part, _, clean = scene("stain", 4)
    nowhere = np.zeros_like(clean.object_mask, dtype=bool)
    nowhere[:8, :8] = True
    assert "place" in judge_pair(image, part, reference("stain"), Background(clean.image, nowhere)).reasons


@pytest.mark.parametrize("turn", [(1, 1), (-1, 1), (1, -1)])
def test_a_copy_of_a_training_image_mirrored_or_not_is_told_with_its_name(turn):
    image, part, _, _ = scene("crack", 1)
    verdict = judge_pair(image[:: turn[0], :: turn[1]], part[:: turn[0], :: turn[1]], reference("crack"))
    assert "copy" in verdict.reasons
    assert verdict.nearest.name == "1.png"
    assert judge_pair(*scene("crack", 4)[:2], reference("crack")).measures["nearest_training"] > 20


def test_the_spread_of_a_set_is_the_distance_from_the_most_alike_before():
    spread = SetLikeness()
    thumbs = [thumbnail(scene("hole", index)[0], scene("hole", index)[2]) for index in (3, 4)]
    assert spread.add(thumbs[0]) is None
    assert spread.add(thumbs[1]) > 10
    assert spread.add(thumbs[0]) == 0
