"""The objects: each a signed distance, drawn round the grid's middle, its proportions decided by `draws`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .draws import Draws, Field
from .geometry import Grid, box, disc, line, polygon, spokes, union, without

#: (draws, grid, size) to a signed distance; size is about half the object's width, in pixels.
Outline = Callable[[Draws, Grid, float], Field]


def _plate(draws: Draws, grid: Grid, size: float) -> Field:
    return disc(grid, size)


def _ring(draws: Draws, grid: Grid, size: float) -> Field:
    return without(disc(grid, size), disc(grid, size * draws.uniform(0.3, 0.6)))


def _nut(draws: Draws, grid: Grid, size: float) -> Field:
    return without(polygon(grid, spokes(6), size * 0.88), disc(grid, size * draws.uniform(0.25, 0.5)))


def _bar(draws: Draws, grid: Grid, size: float) -> Field:
    return box(grid, (size * 1.15, size * draws.uniform(0.4, 0.7)), size * 0.08)


def _capsule(draws: Draws, grid: Grid, size: float) -> Field:
    width = size * draws.uniform(0.45, 0.65)
    return box(grid, (size * 1.15, width), width)


def _block(draws: Draws, grid: Grid, size: float) -> Field:
    return box(grid, (size * 0.85, size * draws.uniform(0.75, 0.85)), size * draws.uniform(0.05, 0.3))


def _wedge(draws: Draws, grid: Grid, size: float) -> Field:
    return polygon(grid, spokes(3), size * 0.56) - np.float32(size * 0.08)


def _cross(draws: Draws, grid: Grid, size: float) -> Field:
    width = size * draws.uniform(0.35, 0.5)
    return union(box(grid, (size, width), 3.0), box(grid, (width, size), 3.0))


def _frame(draws: Draws, grid: Grid, size: float) -> Field:
    hole = size * draws.uniform(0.35, 0.5)
    return without(box(grid, (size * 0.9, size * 0.9), size * 0.12), box(grid, (hole, hole), size * 0.06))


def _flange(draws: Draws, grid: Grid, size: float) -> Field:
    lugs = [disc(grid, size * 0.32, (x * size * 0.85, y * size * 0.85)) for x, y in spokes(draws.choice((3, 4)))]
    return without(union(disc(grid, size * 0.8), *lugs), disc(grid, size * draws.uniform(0.2, 0.35)))


def _tee(draws: Draws, grid: Grid, size: float) -> Field:
    width = size * draws.uniform(0.3, 0.4)
    stem = box(grid, (width, size * 0.75), 2.0, (0.0, size * 0.25))
    return union(box(grid, (size, width), 2.0, (0.0, -size * 0.6)), stem)


def _pentagon(draws: Draws, grid: Grid, size: float) -> Field:
    return polygon(grid, spokes(5), size * 0.8)


def _everything(draws: Draws, grid: Grid, size: float) -> Field:
    return np.full_like(grid.x, -1000)


def _gear(draws: Draws, grid: Grid, size: float) -> Field:
    teeth = [line(grid, (0, 0), (x * size * 0.95, y * size * 0.95), size * 0.24) for x, y in spokes(8)]
    return without(union(disc(grid, size * 0.78), *teeth), disc(grid, size * 0.3))


def _button(draws: Draws, grid: Grid, size: float) -> Field:
    holes = [disc(grid, size * 0.13, (x * size * 0.38, y * size * 0.38)) for x, y in spokes(4)]
    return without(disc(grid, size), union(*holes))


def _bracket(draws: Draws, grid: Grid, size: float) -> Field:
    arm = size * 0.34
    upright = box(grid, (arm, size), 5.0, (-size + arm, 0.0))
    foot = box(grid, (size, arm), 5.0, (0.0, size - arm))
    return without(union(upright, foot), disc(grid, size * 0.15, (-size + arm, -size * 0.6)))


def _bottle(draws: Draws, grid: Grid, size: float) -> Field:
    body = box(grid, (size * 0.55, size * 0.75), size * 0.16, (0.0, size * 0.35))
    return union(body, box(grid, (size * 0.2, size * 0.6), 3.0, (0.0, -size * 0.6)))


def _key(draws: Draws, grid: Grid, size: float) -> Field:
    head = without(disc(grid, size * 0.55, (-size * 0.7, 0.0)), disc(grid, size * 0.2, (-size * 0.8, 0.0)))
    blade = box(grid, (size * 0.75, size * 0.19), 2.0, (size * 0.5, 0.0))
    teeth = [box(grid, (size * 0.1, size * 0.2), 1.0, (size * at, size * 0.3)) for at in (0.65, 1.05)]
    return union(head, blade, *teeth)


def _propeller(draws: Draws, grid: Grid, size: float) -> Field:
    blades = []
    for axis in spokes(3):
        turned = grid.moved((0.0, 0.0), axis)
        blades.append(box(turned, (size * 0.42, size * 0.27), size * 0.26, (size * 0.66, 0.0)))
    return union(disc(grid, size * 0.36), *blades)


#: What the base model learns from.
OBJECTS: dict[str, Outline] = {
    "plate": _plate,
    "ring": _ring,
    "nut": _nut,
    "bar": _bar,
    "capsule": _capsule,
    "block": _block,
    "wedge": _wedge,
    "cross": _cross,
    "frame": _frame,
    "flange": _flange,
    "tee": _tee,
    "pentagon": _pentagon,
    "sheet": _everything,
}
#: What the base model never sees: three to tune on, three to judge by.
TUNING: dict[str, Outline] = {"gear": _gear, "button": _button, "bracket": _bracket}
JUDGING: dict[str, Outline] = {"bottle": _bottle, "key": _key, "propeller": _propeller}
UNSEEN: dict[str, Outline] = {**TUNING, **JUDGING}
