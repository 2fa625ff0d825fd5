"""Shapes as signed distances in pixels: negative inside, positive outside, exact arithmetic alone."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from .draws import Draws, Field

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Grid:
    """Where each pixel lies, seen from a centre, in pixels: two (H, W) arrays."""

    x: Field
    y: Field

    def moved(self, centre: Point, axis: Point = (1.0, 0.0)) -> Grid:
        """The same pixels seen from `centre`, with `axis` (a unit vector) as the x direction."""
        x, y = self.x - np.float32(centre[0]), self.y - np.float32(centre[1])
        if axis == (1.0, 0.0):
            return Grid(x, y)
        c, s = np.float32(axis[0]), np.float32(axis[1])
        return Grid(x * c + y * s, y * c - x * s)


@cache
def canvas(side: int) -> Grid:
    """Pixel centres of a square picture, from its middle."""
    line = np.arange(side, dtype=np.float32) - np.float32((side - 1) / 2)
    return Grid(np.repeat(line[None], side, 0), np.repeat(line[:, None], side, 1))


def cover(distance: Field, softness: float = 1.0) -> Field:
    """Share of each pixel that is inside, its edge `softness` pixels wide: (H, W) in 0..1."""
    return np.minimum(np.maximum(np.float32(0.5) - distance / np.float32(softness), np.float32(0)), np.float32(1))


def disc(grid: Grid, radius: float, centre: Point = (0.0, 0.0)) -> Field:
    """A disc."""
    x, y = grid.x - np.float32(centre[0]), grid.y - np.float32(centre[1])
    return np.sqrt(x * x + y * y) - np.float32(radius)


def box(grid: Grid, half: Point, corner: float = 0.0, centre: Point = (0.0, 0.0)) -> Field:
    """A rectangle of the given half sides, its corners rounded."""
    x = np.abs(grid.x - np.float32(centre[0])) - np.float32(half[0] - corner)
    y = np.abs(grid.y - np.float32(centre[1])) - np.float32(half[1] - corner)
    px, py = np.maximum(x, np.float32(0)), np.maximum(y, np.float32(0))
    inner = np.minimum(np.maximum(x, y), np.float32(0))
    return np.sqrt(px * px + py * py) + inner - np.float32(corner)


def polygon(grid: Grid, normals: Sequence[Point], apothem: float) -> Field:
    """The convex area whose sides lie `apothem` away from the middle along the given unit vectors."""
    sides = [grid.x * np.float32(nx) + grid.y * np.float32(ny) for nx, ny in normals]
    return union(*[-side for side in sides], sign=-1) - np.float32(apothem)


def line(grid: Grid, start: Point, end: Point, width: float) -> Field:
    """A straight stroke with round ends."""
    x, y = grid.x - np.float32(start[0]), grid.y - np.float32(start[1])
    dx, dy = end[0] - start[0], end[1] - start[1]
    square = max(dx * dx + dy * dy, 1e-6)
    along = (x * np.float32(dx) + y * np.float32(dy)) * np.float32(1 / square)
    along = np.minimum(np.maximum(along, np.float32(0)), np.float32(1))
    x, y = x - along * np.float32(dx), y - along * np.float32(dy)
    return np.sqrt(x * x + y * y) - np.float32(width / 2)


def stroke(grid: Grid, points: Sequence[Point], width: float) -> Field:
    """A polyline with round joints."""
    return union(*(line(grid, start, end, width) for start, end in itertools.pairwise(points)))


def union(*distances: Field, sign: int = 1) -> Field:
    """All of them together (with `sign` -1: the negative of the union of negatives given)."""
    result = distances[0]
    for other in distances[1:]:
        result = np.minimum(result, other)
    return result if sign == 1 else -result


def without(distance: Field, hole: Field) -> Field:
    """The first area less the second."""
    return np.maximum(distance, -hole)


def turn(axis: Point, by: Point) -> Point:
    """A unit vector turned by another's angle to the x axis."""
    return axis[0] * by[0] - axis[1] * by[1], axis[0] * by[1] + axis[1] * by[0]


#: Unit vectors of a full turn in equal steps, written out so that no sine is computed.
_FIRST_STEPS: dict[int, Point] = {
    3: (-0.5, 0.8660254037844386),
    4: (0.0, 1.0),
    5: (0.30901699437494745, 0.9510565162951535),
    6: (0.5, 0.8660254037844386),
    8: (0.7071067811865476, 0.7071067811865476),
    10: (0.8090169943749475, 0.5877852522924731),
    12: (0.8660254037844387, 0.5),
}


def spokes(count: int, first: Point = (1.0, 0.0)) -> list[Point]:
    """Unit vectors in equal steps round the middle; count is 3, 4, 5, 6, 8, 10 or 12."""
    found = [first]
    while len(found) < count:
        found.append(turn(found[-1], _FIRST_STEPS[count]))
    return found


def smooth_noise(draws: Draws, side: int, cell: int) -> Field:
    """Value noise, `cell` pixels a bump: (side, side) from -1 to 1, smooth between the lattice's points."""
    count = -(-side // cell) + 2
    lattice = draws.field(count, count)
    place = (np.arange(side, dtype=np.float32) + np.float32(0.5)) / np.float32(cell)
    low = place.astype(np.int64)
    part = place - low.astype(np.float32)
    part = part * part * (np.float32(3) - np.float32(2) * part)
    rows = lattice[low] + (lattice[low + 1] - lattice[low]) * part[:, None]
    return rows[:, low] + (rows[:, low + 1] - rows[:, low]) * part[None]


def wave(turns: Field) -> Field:
    """A smooth periodic function of 1 a turn, from -1 to 1; in the place of a sine."""
    rest = turns - np.floor(turns)
    ramp = np.abs(np.float32(2) * rest - np.float32(1))
    return ramp * ramp * (np.float32(6) - np.float32(4) * ramp) - np.float32(1)
