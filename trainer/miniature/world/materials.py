"""Colours and surfaces. Patterns are eight pixels wide or more: finer ones, eight-fold smaller latents cannot hold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .draws import Draws, Field
from .geometry import Grid, smooth_noise, wave

Colour = tuple[float, float, float]

#: Named colours, none so dark or so light that a white scratch or a black crack would not show on it.
COLOURS: dict[str, Colour] = {
    "grey": (112, 112, 116),
    "silver": (158, 162, 168),
    "brown": (124, 82, 48),
    "beige": (172, 156, 126),
    "blue": (58, 92, 160),
    "green": (66, 122, 78),
    "red": (158, 58, 52),
    "orange": (182, 116, 48),
    "teal": (54, 124, 128),
    "purple": (112, 74, 136),
}
#: Backgrounds may be dark or light too.
GROUNDS: dict[str, Colour] = {**COLOURS, "black": (38, 40, 46), "white": (206, 206, 202)}

#: (draws, grid) to a factor's deviation from 1: (H, W) float32.
Surface = Callable[[Draws, Grid], Field]


def _plain(draws: Draws, grid: Grid) -> Field:
    return np.float32(0.05) * smooth_noise(draws, len(grid.x), 32)


def _brushed(draws: Draws, grid: Grid) -> Field:
    stripes = wave((grid.x + 6 * smooth_noise(draws, len(grid.x), 48)) / np.float32(draws.uniform(10, 20)))
    return np.float32(0.07) * stripes


def _speckled(draws: Draws, grid: Grid) -> Field:
    noise = smooth_noise(draws, len(grid.x), draws.between(9, 14))
    return np.float32(0.2) * noise * np.abs(noise)


def _wooden(draws: Draws, grid: Grid) -> Field:
    rings = grid.x / np.float32(draws.uniform(16, 26)) + np.float32(0.6) * smooth_noise(draws, len(grid.x), 32)
    return np.float32(0.1) * wave(rings)


def _woven(draws: Draws, grid: Grid) -> Field:
    width = np.float32(draws.uniform(16, 26))
    return np.float32(0.1) * wave(grid.x / width) * wave(grid.y / width)


def _tiled(draws: Draws, grid: Grid) -> Field:
    width = np.float32(draws.uniform(30, 44))
    column, row = grid.x / width, grid.y / width
    middle = np.maximum(np.abs(column - np.floor(column) - 0.5), np.abs(row - np.floor(row) - 0.5))
    joint = np.maximum(middle * width - (width / np.float32(2) - np.float32(2)), np.float32(0))
    return np.float32(-0.14) * np.minimum(joint, np.float32(2))


SURFACES: dict[str, Surface] = {
    "plain": _plain,
    "brushed": _brushed,
    "speckled": _speckled,
    "wooden": _wooden,
    "woven": _woven,
    "tiled": _tiled,
}


def paint(draws: Draws, grid: Grid, surface: str, colour: Colour) -> Field:
    """A surface of that colour over the whole picture: (H, W, 3) float32, 0..255.

    Args:
        draws: decides the pattern.
        grid: the pattern lies along its x axis.
        surface: one of `SURFACES`.
        colour: the mean colour.
    """
    factor = np.float32(1) + SURFACES[surface](draws, grid)
    return factor[..., None] * np.array(colour, np.float32)


def distance(one: Colour, other: Colour) -> float:
    """How far apart two colours are: the largest difference of a channel, 0..255."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def near(draws: Draws, colour: Colour) -> Colour:
    """A shade of the same name."""
    light = draws.uniform(0.92, 1.08)
    red, green, blue = (channel * light + draws.uniform(-6, 6) for channel in colour)
    return red, green, blue
