"""One picture: an object on a ground in some light, whole or with an anomaly, with its truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .anomalies import ANOMALIES, DEPTHS, USUAL_DEPTH, Layer, Place
from .draws import Draws, Field
from .geometry import Grid, Point, canvas, cover
from .materials import COLOURS, GROUNDS, SURFACES, distance, near, paint
from .objects import OBJECTS, UNSEEN

Pixels = npt.NDArray[np.uint8]
SIDE = 128
KINDS = tuple(ANOMALIES)
#: No anomaly comes nearer to the picture's border than the first, no anomaly's middle nearer than the second.
_MARGIN, _MIDDLE_MARGIN = np.float32(3), np.float32(22)
_OUTLINES = OBJECTS | UNSEEN


@dataclass(frozen=True, slots=True)
class Look:
    """What stays the same within a category.

    Attributes:
        object: a name in `objects`.
        colour, surface: of the object; names in `materials`.
        ground, ground_surface: of what it lies on.
        proportions: seed of the object's proportions.
        turned: whether it lies at any angle; otherwise upright but for a few degrees.
    """

    object: str
    colour: str
    surface: str
    ground: str
    ground_surface: str
    proportions: int
    turned: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn picture with its truth.

    Attributes:
        image: (128, 128, 3).
        object_mask: (128, 128), 255 = object as far as it is there, soft at its edge.
        anomaly_mask: (128, 128), 255 exactly where the anomaly changed the image, else 0.
        look: what was drawn.
        kind: of the anomaly, or None.
    """

    image: Pixels
    object_mask: Pixels
    anomaly_mask: Pixels
    look: Look
    kind: str | None


def any_look(draws: Draws, objects: tuple[str, ...]) -> Look:
    """A look at random, its object plainly different from its ground."""
    colour = draws.choice(tuple(COLOURS))
    grounds = [name for name, other in GROUNDS.items() if distance(COLOURS[colour], other) > 55]
    return Look(
        object=draws.choice(objects),
        colour=colour,
        surface=draws.choice(tuple(SURFACES)),
        ground=draws.choice(grounds),
        ground_surface=draws.choice(("plain", "plain", "brushed", "wooden", "woven")),
        proportions=draws.integer(1 << 30),
        turned=True,
    )


def draw(
    seed: tuple[int | str, ...], look: Look, kind: str | None, width: float | None = None, strength: float = 1.0
) -> Picture:
    """Draw one picture. Without an anomaly the same seed gives the same picture outside the anomaly's mask.

    Args:
        seed: decides pose, light and the anomaly's form and place.
        look: the object and its ground.
        kind: one of `KINDS`, or None for a picture without anomaly.
        width: of an anomaly that is a stroke, in pixels; None = its own.
        strength: 1, or less for an anomaly that the ground shows through.
    """
    draws = Draws("scene", *seed)
    centre = (draws.uniform(-5, 5), draws.uniform(-5, 5))
    axis = draws.direction() if look.turned else _nearly_upright(draws)
    grid = canvas(SIDE).moved(centre, axis)
    size = draws.uniform(38, 43)
    outline = _OUTLINES[look.object](Draws("proportions", look.proportions), grid, size)
    colour = near(draws, COLOURS[look.colour])
    ground = paint(draws, grid, look.ground_surface, near(draws, GROUNDS[look.ground])) * _shadow(draws, look, size)
    body = paint(draws, grid, look.surface, colour) * _rim(outline)
    light = _light(draws)
    inside = cover(outline)
    clean: Field = ((ground + (body - ground) * inside[..., None]) * light).astype(np.float32, copy=False)
    image = clean
    if kind:
        own = Draws("anomaly", *seed)
        place = Place(canvas(SIDE).moved(_middle(own, outline, kind)), outline, colour, width)
        layer = ANOMALIES[kind](own, place)
        away = (_from_border() >= _MARGIN).astype(np.float32)
        alpha: Field = layer.alpha * np.float32(strength) * away
        image = _laid(layer, alpha, clean, ground * light)
        if kind == "chip":
            inside = inside * (np.float32(1) - alpha)
    before, after = _bytes(clean), _bytes(image)
    changed = (before != after).any(2)
    return Picture(after, _bytes(inside * np.float32(255)), changed.astype(np.uint8) * np.uint8(255), look, kind)


def draw_any(seed: tuple[int | str, ...], objects: tuple[str, ...] = tuple(OBJECTS)) -> Picture:
    """A picture of anything, two in three with an anomaly."""
    draws = Draws("any", *seed)
    look = any_look(draws, objects)
    kind = draws.choice(KINDS) if draws.chance(2 / 3) else None
    if kind == "chip" and look.object == "sheet":
        kind = "hole"
    return draw(seed, look, kind)


def _middle(draws: Draws, outline: Field, kind: str) -> Point:
    """Where the anomaly lies: a pixel at the kind's depth below the object's edge, seen from the picture's middle."""
    least, most = DEPTHS.get(kind, USUAL_DEPTH)
    found = np.flatnonzero((outline < -least) & (outline > -most) & (_from_border() > _MIDDLE_MARGIN))
    if not len(found):
        found = np.flatnonzero(outline < 0)
    chosen = int(found[draws.integer(len(found))])
    row, column = divmod(chosen, SIDE)
    return column - (SIDE - 1) / 2, row - (SIDE - 1) / 2


def _from_border() -> Field:
    """Distance of each pixel's middle from the picture's border: (128, 128)."""
    grid = canvas(SIDE)
    return np.float32(SIDE / 2) - np.maximum(np.abs(grid.x), np.abs(grid.y))


def _laid(layer: Layer, alpha: Field, below: Field, ground: Field) -> Field:
    """The anomaly over the picture, as opaque as `alpha` (128, 128) says."""
    alpha = alpha[..., None]
    if layer.added is not None:
        return below + alpha * layer.added[..., None]
    over: Field | np.float32 = ground if layer.colour is None else np.array(layer.colour, np.float32)
    return below + (over - below) * alpha


def _shadow(draws: Draws, look: Look, size: float) -> Field:
    """The object's soft shadow on the ground, as a factor (128, 128, 1)."""
    grid = canvas(SIDE).moved((draws.uniform(-4, 4), draws.uniform(2, 6)))
    distance = np.sqrt(grid.x * grid.x + grid.y * grid.y) - np.float32(size * 0.9)
    return (np.float32(1) - np.float32(0.25) * cover(distance, 24.0))[..., None]


def _rim(outline: Field) -> Field:
    """The object darker along its edge, as a factor (128, 128, 1)."""
    return (np.float32(1) - np.float32(0.22) * cover(-outline - np.float32(3), 4.0))[..., None]


def _light(draws: Draws) -> Field:
    """Light that falls off across the picture, as a factor (128, 128, 1)."""
    along, fall = draws.direction(), draws.uniform(0.0, 0.16)
    grid: Grid = canvas(SIDE).moved((0.0, 0.0), along)
    return (np.float32(draws.uniform(0.94, 1.06)) + grid.x * np.float32(fall / 64))[..., None]


def _nearly_upright(draws: Draws) -> Point:
    slope = draws.uniform(-0.12, 0.12)
    length = float(np.sqrt(1 + slope * slope))
    return 1 / length, slope / length


def _bytes(values: Field) -> Pixels:
    """Rounded to 0..255."""
    rounded = np.floor(values + np.float32(0.5))
    return np.minimum(np.maximum(rounded, np.float32(0)), np.float32(255)).astype(np.uint8)
