"""Squares hold every defect, lie within the image, and are few."""

import numpy as np
import pytest

from trainer.intake.squares import MAX_SQUARES, around_defects, square


def inside(mask, boxes):
    covered = np.zeros_like(mask)
    for left, top, right, bottom in boxes:
        covered[top:bottom, left:right] = True
    return bool((mask <= covered).all())


def marked(*places, size=(3000, 4000)):
    mask = np.zeros(size, np.bool_)
    for y, x, height, width in places:
        mask[y : y + height, x : x + width] = True
    return mask


@pytest.mark.parametrize(
    ("places", "number"),
    [
        ([(100, 100, 20, 20)], 1),
        ([(0, 0, 8, 8), (2992, 3992, 8, 8)], 2),  # corners
        ([(1000, 1000, 30, 30), (1100, 1200, 10, 10)], 1),  # one square holds both
        ([(500, 200, 40, 900)], 1),  # longer than the square: it grows
        ([(1490, 0, 20, 4000)], 1),  # longer than the short side
    ],
)
def test_every_piece_is_in_a_square(places, number):
    mask = marked(*places)
    boxes = around_defects(mask, 512)
    assert len(boxes) == number
    for left, top, right, bottom in boxes:
        assert right - left == bottom - top >= 512
        assert 0 <= left < right <= 4000
        assert 0 <= top < bottom <= 3000
    assert inside(mask, boxes) or places[0][3] > 3000


def test_dust_is_bounded_and_specks_beside_a_defect_get_no_square():
    rng = np.random.default_rng(0)
    dust = marked(*((int(y), int(x), 3, 3) for y, x in rng.integers(0, 2900, (200, 2))))
    assert len(around_defects(dust, 64)) == MAX_SQUARES
    assert len(around_defects(marked((100, 100, 50, 50), (2000, 2000, 1, 2)), 64)) == 1
    assert len(around_defects(marked((2000, 2000, 1, 2)), 64)) == 1


def test_a_square_stays_within_a_small_image():
    assert square(1, 1, 64, (40, 30)) == (0, 0, 30, 30)
    assert square(39, 29, 10, (40, 30)) == (30, 20, 40, 30)
