"""The anomalies: each a layer of its own, opaque where it is and nothing elsewhere.

A person shall name each at a glance: scratches are pale and nearly straight, cracks black, jagged and forked,
threads coloured and curled, holes round and black, stains blotched, dents half dark and half light, spots many and
pale, chips bites out of the edge through which the ground shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .draws import Draws, Field
from .geometry import Grid, Point, cover, disc, smooth_noise, stroke, turn, union
from .materials import Colour, distance

#: Fainter than this is nothing: every pixel of an anomaly shall differ from what it lies on.
FAINTEST = np.float32(0.3)


@dataclass(frozen=True, slots=True)
class Place:
    """What an anomaly is drawn on.

    Attributes:
        grid: pixels seen from the anomaly's middle.
        object_distance: signed distance of the object.
        colour: the object's colour.
        width: of strokes, in pixels; None = the kind's own.
    """

    grid: Grid
    object_distance: Field
    colour: Colour
    width: float | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """A drawn anomaly.

    Attributes:
        alpha: (H, W), 0..1, exactly 0 outside it.
        colour: of every pixel, or (H, W, 3); None = the ground shows.
        added: (H, W) levels added to what lies below, in place of a colour; or None.
    """

    alpha: Field
    colour: Colour | None = None
    added: Field | None = None


Anomaly = Callable[[Draws, Place], Layer]


def _scratch(draws: Draws, place: Place) -> Layer:
    axis, half = draws.direction(), draws.uniform(15, 28)
    bend = draws.uniform(-0.12, 0.12)
    points = [_at(axis, half * t, half * bend * (1 - t * t)) for t in (-1, -0.5, 0, 0.5, 1)]
    width = place.width or draws.uniform(3.0, 4.8)
    pale = draws.uniform(228, 250)
    return Layer(_on(place, stroke(place.grid, points, width)), (pale, pale, pale))


def _crack(draws: Draws, place: Place) -> Layer:
    axis, width = draws.direction(), place.width or draws.uniform(2.8, 3.8)
    points = [_at(axis, along, draws.uniform(2.5, 5.5) * (-1) ** i) for i, along in enumerate(range(-24, 25, 8))]
    fork = turn(axis, draws.choice(((0.5, 0.866), (0.5, -0.866))))
    start = points[3]
    branch = [start, _plus(start, _at(fork, 7, draws.uniform(-3, 3))), _plus(start, _at(fork, 15, 0))]
    length = draws.between(4, 7)
    dark = draws.uniform(8, 26)
    distances = union(stroke(place.grid, points[:length], width), stroke(place.grid, branch, width))
    return Layer(_on(place, distances), (dark, dark, dark))


def _hole(draws: Draws, place: Place) -> Layer:
    return Layer(_on(place, disc(place.grid, draws.uniform(5, 8.5))), (10.0, 10.0, 12.0))


_STAINS: tuple[Colour, ...] = ((70, 40, 16), (28, 62, 30), (88, 22, 34), (26, 34, 84), (214, 190, 70))


def _stain(draws: Draws, place: Place) -> Layer:
    blots = []
    for _ in range(draws.between(3, 5)):
        axis, away = draws.direction(), draws.uniform(0, 8)
        blots.append(disc(place.grid, draws.uniform(5, 9), (axis[0] * away, axis[1] * away)))
    uneven = union(*blots) + np.float32(2.5) * smooth_noise(draws, len(place.grid.x), 8)
    return Layer(_on(place, uneven, 2.0) * np.float32(draws.uniform(0.8, 0.95)), _far(draws, _STAINS, place.colour))


def _dent(draws: Draws, place: Place) -> Layer:
    axis, radius = draws.direction(), draws.uniform(8, 12)
    turned = place.grid.moved((0.0, 0.0), axis)
    inside = disc(place.grid, radius)
    depth = np.minimum(np.maximum(turned.x / np.float32(radius), np.float32(-1)), np.float32(1))
    levels = np.where(depth < 0, np.float32(-38) + 30 * depth, np.float32(38) + 30 * depth)
    return Layer(_on(place, inside), added=levels * np.float32(draws.uniform(0.85, 1.1)))


_THREADS: tuple[Colour, ...] = ((214, 36, 40), (40, 170, 60), (52, 84, 226), (232, 210, 40), (210, 60, 190))


def _thread(draws: Draws, place: Place) -> Layer:
    axis, point = draws.direction(), (0.0, 0.0)
    curl = draws.choice((1, -1)) * draws.uniform(0.3, 0.5)
    points = [point]
    for step in range(draws.between(10, 15)):
        bend = curl if step < 7 else -curl
        length = math.sqrt(1 + bend * bend)
        axis = turn(axis, (1 / length, bend / length))
        point = _plus(point, _at(axis, 4.5, 0))
        points.append(point)
    middle = points[len(points) // 2]
    points = [(x - middle[0], y - middle[1]) for x, y in points]
    alpha = _kept(cover(stroke(place.grid, points, place.width or draws.uniform(3.4, 4.4))))
    return Layer(alpha, _far(draws, _THREADS, place.colour))


def _spots(draws: Draws, place: Place) -> Layer:
    dots = []
    for _ in range(draws.between(6, 10)):
        axis, away = draws.direction(), draws.uniform(0, 15)
        dots.append(disc(place.grid, draws.uniform(1.9, 3.1), (axis[0] * away, axis[1] * away)))
    pale = draws.uniform(226, 246)
    return Layer(_on(place, union(*dots)), (pale, pale, pale * 0.9))


def _chip(draws: Draws, place: Place) -> Layer:
    bite = disc(place.grid, draws.uniform(8, 13)) + np.float32(3) * smooth_noise(draws, len(place.grid.x), 7)
    return Layer(_on(place, bite))


ANOMALIES: dict[str, Anomaly] = {
    "scratch": _scratch,
    "crack": _crack,
    "hole": _hole,
    "stain": _stain,
    "dent": _dent,
    "thread": _thread,
    "spots": _spots,
    "chip": _chip,
}
#: Distance of an anomaly's middle from the object's edge, in pixels, inwards: at least, at most.
DEPTHS: dict[str, tuple[float, float]] = {"chip": (0.0, 2.5), "hole": (7.0, 1e9), "dent": (8.0, 1e9)}
USUAL_DEPTH = (5.0, 1e9)


def _on(place: Place, anomaly: Field, softness: float = 1.0) -> Field:
    """How much of each pixel the anomaly covers, on the object alone."""
    return _kept(np.minimum(cover(anomaly, softness), cover(place.object_distance)))


def _kept(alpha: Field) -> Field:
    return np.where(alpha < FAINTEST, np.float32(0), alpha)


def _at(axis: Point, along: float, across: float) -> Point:
    return axis[0] * along - axis[1] * across, axis[1] * along + axis[0] * across


def _plus(one: Point, other: Point) -> Point:
    return one[0] + other[0], one[1] + other[1]


def _far(draws: Draws, colours: tuple[Colour, ...], ground: Colour) -> Colour:
    """One of the colours that differ plainly from the ground."""
    plain = [colour for colour in colours if distance(colour, ground) > 80]
    return draws.choice(plain)
