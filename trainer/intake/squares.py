"""Where to cut squares out of photographs far larger than the training size, so that each defect is in one."""

from __future__ import annotations

import numpy as np

from ..masks.regions import BoolMask, load_opencv

#: Left, top, right, bottom in pixels.
Box = tuple[int, int, int, int]

MARGIN = 1.25
"""A square that grows for a large defect is so much wider than it."""
MAX_SQUARES = 16
"""Squares cut out of one image."""
SPECK = 4
"""Pixels; smaller pieces of a mask get no square of their own where there are larger ones."""


def around_defects(mask: BoolMask, side: int) -> list[Box]:
    """Squares of at least `side` pixels that together hold every piece of the mask, the largest pieces first.

    A piece wider than `side` gets a larger square, at most the image's short side.

    Args:
        mask: (H, W), true = anomaly.
    """
    height, width = mask.shape
    count, _labels, facts, _centres = load_opencv().connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    pieces = sorted((facts[number] for number in range(1, count)), key=lambda one: -int(one[4]))
    pieces = [piece for piece in pieces if piece[4] >= SPECK] or pieces
    squares: list[Box] = []
    for x, y, across, down, _area in (map(int, piece) for piece in pieces):
        if any(left <= x and top <= y and x + across <= right and y + down <= low for left, top, right, low in squares):
            continue
        wide = max(across, down)
        size = min(max(side, round(wide * MARGIN) if wide > side / MARGIN else side), height, width)
        squares.append(square(x + across // 2, y + down // 2, size, (width, height)))
        if len(squares) == MAX_SQUARES:
            break
    return squares


def square(x: int, y: int, side: int, size: tuple[int, int]) -> Box:
    """The square of that side around (x, y), moved so that it lies within an image of (width, height)."""
    side = min(side, *size)
    left = min(max(0, x - side // 2), size[0] - side)
    top = min(max(0, y - side // 2), size[1] - side)
    return (left, top, left + side, top + side)
