"""Outlines become masks: each kind against what it must mark, runs against pycocotools."""

import numpy as np
import pytest
from pycocotools import mask as tools

from trainer.errors import TrainerError
from trainer.intake.shapes import draw


@pytest.mark.parametrize("seed", range(8))
def test_compressed_runs_are_read_as_pycocotools_writes_them(seed):
    rng = np.random.default_rng(seed)
    mask = np.zeros((37, 53), np.uint8)
    for _ in range(seed):
        y, x = rng.integers(0, 37), rng.integers(0, 53)
        mask[y : y + rng.integers(1, 20), x : x + rng.integers(1, 30)] ^= 1
    runs = tools.encode(np.asfortranarray(mask))
    shape = {"rle": runs["counts"].decode(), "size": [37, 53], "at": [0, 0], "by": "columns"}
    assert (draw([shape], (53, 37)) == (mask > 0)).all()


def test_shapes_are_joined_and_what_hangs_over_is_cut_off():
    rows = {"rle": [2, 4], "size": [2, 3], "at": [8, -1], "by": "rows"}  # ..X over XXX, the upper row outside
    mask = draw([rows, {"box": [0, 0, 2, 2]}, {"polygon": [0, 9, 9, 9, 9, 4]}, {"ellipse": [5, 5, 0.4, 0.4]}], (10, 10))
    assert mask[:2, :2].all()
    assert mask[0].tolist() == [True, True, *[False] * 6, True, True]
    assert [mask[9, 0], mask[4, 9], mask[5, 5]] == [True] * 3


@pytest.mark.parametrize(
    "shape",
    [
        {"polygon": [1, 2, 3]},
        {"polygon": ["a", "b", "c", "d"]},
        {"rle": [3, -1], "size": [2, 2], "at": [0, 0], "by": "rows"},
        {"rle": [1, 10**9], "size": [10, 10], "at": [0, 0], "by": "rows"},
        {"rle": [], "size": [10**6, 10**6], "at": [0, 0], "by": "rows"},
        {"png": "####", "at": [0, 0]},
        {"png": "aGVsbG8=", "at": [0, 0]},
        {"what": 1},
    ],
)
def test_a_shape_that_is_none_is_one_message(shape):
    with pytest.raises(TrainerError, match="cannot be drawn"):
        draw([shape], (10, 10))
