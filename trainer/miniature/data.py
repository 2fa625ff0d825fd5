"""A procedural data set in the MVTec AD layout: metal widgets on a dark table, with three kinds of defect."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

CATEGORY = "widget"
TRAIN_GOOD, TEST_GOOD, PER_DEFECT = 12, 6, 9

Mask = npt.NDArray[np.float32]
Generator = np.random.Generator
#: Draws one defect: (generator, side, object mask) to (defect mask, colour that it is mixed with).
Defect = Callable[[Generator, int, Mask], tuple[Mask, tuple[int, int, int]]]


@dataclass(frozen=True, slots=True)
class Picture:
    """One rendered widget.

    Attributes:
        image: RGB.
        object_mask: L, white = widget, soft edge.
        defect_mask: L, 0 or 255, white = defect.
    """

    image: Image.Image
    object_mask: Image.Image
    defect_mask: Image.Image


def write_dataset(data: Path, foreground: Path, *, side: int, seed: int) -> int:
    """Write `<data>/widget/...` and the object masks `<foreground>/widget/<kind>/...`.

    Args:
        data: root of the data set.
        foreground: root of the object masks; `good` holds those of `train/good`.
        side: width and height of the images, in pixels.
        seed: the same seed gives the same pixels.

    Returns:
        Number of images written.
    """
    parts: list[tuple[str, str | None, int]] = [("train/good", None, TRAIN_GOOD), ("test/good", None, TEST_GOOD)]
    parts += [(f"test/{name}", name, PER_DEFECT) for name in DEFECTS]
    for folder, defect, count in parts:
        images = _folder(data / CATEGORY / folder)
        for number in range(count):
            picture = render(_generator(seed, f"{folder}/{number}"), side, defect)
            name = f"{number:03d}"
            picture.image.save(images / f"{name}.png")
            if defect:
                masks = _folder(data / CATEGORY / "ground_truth" / defect)
                picture.defect_mask.save(masks / f"{name}_mask.png")
            if folder != "test/good":
                objects = _folder(foreground / CATEGORY / (defect or "good"))
                picture.object_mask.save(objects / f"{name}.png")
    return sum(count for _, _, count in parts)


def render(generator: Generator, side: int, defect: str | None) -> Picture:
    """Draw one widget, with a defect of that name or without."""
    shape = _widget(generator, side)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    light = 0.75 + 0.5 * (generator.uniform() * x + generator.uniform() * y)[..., None]
    table = np.array([38, 42, 50]) * light
    metal = np.array([168, 160, 142]) * light * (1 + 0.05 * np.sin(40 * x + 6 * generator.uniform()))[..., None]
    pixels = table * (1 - shape[..., None]) + metal * shape[..., None]
    mark = np.zeros((side, side), np.float32)
    if defect:
        mark, colour = DEFECTS[defect](generator, side, shape)
        pixels = pixels * (1 - mark[..., None]) + np.array(colour) * mark[..., None]
    pixels = pixels + generator.normal(0, 3, (side, side, 1))
    return Picture(
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)),
        _grey(shape),
        _grey((mark >= 0.5).astype(np.float32)),
    )


def _widget(generator: Generator, side: int) -> Mask:
    """A round plate with a hole and two lugs, slightly moved and turned."""
    centre = side * (0.5 + generator.uniform(-0.04, 0.04, 2))
    radius, angle = side * generator.uniform(0.28, 0.32), generator.uniform(0, np.pi)
    canvas = Image.new("L", (side, side))
    draw = ImageDraw.Draw(canvas)
    for sign in (-1, 1):
        lug = centre + sign * radius * np.array([np.cos(angle), np.sin(angle)])
        _disc(draw, lug, radius * 0.35, 255)
    _disc(draw, centre, radius, 255)
    _disc(draw, centre, radius * 0.25, 0)
    return _soft(canvas, side / 128)


def _scratch(generator: Generator, side: int, shape: Mask) -> tuple[Mask, tuple[int, int, int]]:
    """A thin bright line."""
    start, angle = _inside(generator, shape), generator.uniform(0, np.pi)
    step = side * generator.uniform(0.12, 0.2) * np.array([np.cos(angle), np.sin(angle)])
    canvas = Image.new("L", (side, side))
    line = [tuple(start - step), tuple(start + 0.1 * step[::-1]), tuple(start + step)]
    ImageDraw.Draw(canvas).line(line, fill=255, width=max(2, side // 40))
    return _soft(canvas, side / 256) * shape, (232, 232, 238)


def _dent(generator: Generator, side: int, shape: Mask) -> tuple[Mask, tuple[int, int, int]]:
    """A dark round spot."""
    canvas = Image.new("L", (side, side))
    _disc(ImageDraw.Draw(canvas), _inside(generator, shape), side * generator.uniform(0.05, 0.08), 255)
    return _soft(canvas, side / 96) * shape, (52, 46, 44)


def _stain(generator: Generator, side: int, shape: Mask) -> tuple[Mask, tuple[int, int, int]]:
    """A rust-coloured group of blots."""
    canvas = Image.new("L", (side, side))
    draw = ImageDraw.Draw(canvas)
    middle = _inside(generator, shape)
    for _ in range(4):
        _disc(draw, middle + side * generator.uniform(-0.05, 0.05, 2), side * generator.uniform(0.03, 0.06), 255)
    return _soft(canvas, side / 96) * shape, (150, 82, 36)


DEFECTS: dict[str, Defect] = {"dent": _dent, "scratch": _scratch, "stain": _stain}


def _inside(generator: Generator, shape: Mask) -> npt.NDArray[np.float64]:
    """A random point (x, y) well on the widget."""
    size = max(3, shape.shape[0] // 12) | 1
    eroded = np.asarray(_grey(shape).filter(ImageFilter.MinFilter(size))) > 200
    rows, columns = np.nonzero(eroded)
    chosen = int(generator.integers(len(rows)))
    return np.array([columns[chosen], rows[chosen]], dtype=np.float64)


def _disc(draw: ImageDraw.ImageDraw, centre: npt.NDArray[np.float64], radius: float, fill: int) -> None:
    """Fill a disc."""
    x, y = float(centre[0]), float(centre[1])
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def _soft(canvas: Image.Image, radius: float) -> Mask:
    """The canvas as fractions, its edges blurred."""
    blurred = np.asarray(canvas.filter(ImageFilter.GaussianBlur(radius)))
    return blurred.astype(np.float32) / np.float32(255)


def _grey(mask: Mask) -> Image.Image:
    """Fractions as an 8-bit grey image."""
    return Image.fromarray((mask * 255).round().astype(np.uint8))


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _generator(seed: int, name: str) -> Generator:
    """Each picture's own random numbers, so that none depends on how many others there are."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])
