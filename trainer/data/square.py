"""Which square is cut out of an image that is not one, so that the defect is in it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from PIL import Image

from ..content.verdict import MARKED

#: Of the marks that the best square holds, what every square that is used has to hold.
_KEPT = 0.5


def resized_size(size: tuple[int, int], resolution: int) -> tuple[int, int]:
    """Size once the short side is `resolution`; the long side is rounded down, as torchvision does."""
    width, height = size
    if width <= height:
        return resolution, int(resolution * height / width)
    return int(resolution * width / height), resolution


def places_with_defect(mask: Image.Image, resolution: int) -> Sequence[int]:
    """Where along the long side a square may begin: all places that hold the whole defect.

    Where none does, those with at least half of what the best one holds; where nothing is marked, all.

    Args:
        mask: L, resized so that its short side is `resolution`.
        resolution: side of the square.
    """
    held = _held(mask, resolution)
    best, whole = max(held), sum(mask.histogram()[MARKED:])
    least = whole if best == whole else _KEPT * best
    return [place for place, count in enumerate(held) if count >= least]


def best_share(mask: Image.Image, resolution: int) -> float:
    """The share of the marks in the square that holds most of them; the mask must mark something."""
    if mask.size == (resolution, resolution):
        return 1.0
    return max(_held(mask, resolution)) / sum(mask.histogram()[MARKED:])


def nearest_to_centre(places: Sequence[int], longest: int) -> int:
    """The place nearest to the centre of 0..longest, which is rounded as upstream does."""
    centre = round(longest / 2)
    return min(places, key=lambda place: abs(place - centre))


def _held(mask: Image.Image, resolution: int) -> list[int]:
    """Marked pixels in the square at each place along the long side."""
    marked = mask.point([1 if value >= MARKED else 0 for value in range(256)])
    wide = mask.width > mask.height
    lines = marked if wide else marked.transpose(Image.Transpose.TRANSPOSE)
    data, long = lines.tobytes(), lines.width
    counts = [sum(data[column::long]) for column in range(long)]
    sums = [0, *accumulate(counts)]
    return [sums[place + resolution] - sums[place] for place in range(long - resolution + 1)]
