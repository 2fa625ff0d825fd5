"""Pictures of an evaluation: maps over test images, precision-recall curves. Pillow alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Pixels = npt.NDArray[np.uint8]
_COLOURS = ((31, 119, 180), (214, 39, 40), (44, 160, 44), (255, 127, 14), (148, 103, 189), (90, 90, 90))
_GAP, _HEAD = 4, 16


def maps_sheet(
    images: Pixels, truths: Pixels, maps: Mapping[str, Pixels], names: Sequence[str], side: int = 128
) -> Image.Image:
    """One row a test image: itself, its truth outlined, and each training's map laid over it.

    Args:
        images: (N, H, W, 3).
        truths: (N, H, W), 255 = anomaly.
        maps: by training, (N, H, W), 255 = surely anomalous.
        names: of the images.
        side: of each picture on the sheet.
    """
    heads = ["image", "truth", *maps]
    sheet = Image.new("RGB", (len(heads) * (side + _GAP), _HEAD + len(images) * (side + _HEAD)), "white")
    write = ImageDraw.Draw(sheet)
    for column, head in enumerate(heads):
        write.text((column * (side + _GAP), 2), head, fill="black")
    for row, (image, truth) in enumerate(zip(images, truths, strict=True)):
        top = _HEAD + row * (side + _HEAD)
        cells = [image, outlined(image, truth), *(laid_over(image, found[row]) for found in maps.values())]
        for column, cell in enumerate(cells):
            small = Image.fromarray(cell).resize((side, side), Image.Resampling.BILINEAR)
            sheet.paste(small, (column * (side + _GAP), top))
        write.text((0, top + side), names[row], fill="grey")
    return sheet


def laid_over(image: Pixels, found: Pixels) -> Pixels:
    """The image in grey with a map over it, from blue (0) by green to red (255)."""
    share = found.astype(np.float32)[..., None] / 255
    warm = np.concatenate([np.clip(2 * share - 1, 0, 1), 1 - np.abs(2 * share - 1), np.clip(1 - 2 * share, 0, 1)], 2)
    grey = image.astype(np.float32).mean(2, keepdims=True)
    return np.asarray((0.55 * grey + 0.45 * 255 * warm).clip(0, 255), np.uint8)


def outlined(image: Pixels, truth: Pixels) -> Pixels:
    """The image with the border of its mask in red."""
    inside = truth >= 128
    padded = np.pad(inside, 1)
    core = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    drawn = image.copy()
    drawn[inside & ~core] = (255, 0, 0)
    return drawn


def curves_sheet(curves: Mapping[str, Sequence[Sequence[float]]], title: str, side: int = 320) -> Image.Image:
    """Precision over recall, a line for each training.

    Args:
        curves: by training, points (recall, precision).
        title: above it.
        side: of the square that both axes span, 0 to 1.
    """
    left, top = 40, 24
    sheet = Image.new("RGB", (left + side + 130, top + side + 36), "white")
    write = ImageDraw.Draw(sheet)
    write.text((left, 6), title, fill="black")
    for tick in range(0, 11, 2):
        at = tick / 10
        x, y = left + at * side, top + (1 - at) * side
        write.line([(x, top), (x, top + side)], fill=(230, 230, 230))
        write.line([(left, y), (left + side, y)], fill=(230, 230, 230))
        write.text((x - 8, top + side + 4), f"{at:.1f}", fill="grey")
        write.text((left - 24, y - 6), f"{at:.1f}", fill="grey")
    write.rectangle([left, top, left + side, top + side], outline="grey")
    write.text((left + side / 2 - 18, top + side + 20), "recall", fill="black")
    for number, (name, points) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        line = [(left + recall * side, top + (1 - precision) * side) for recall, precision in points]
        if len(line) > 1:
            write.line(line, fill=colour, width=2)
        write.line([(left + side + 8, top + 10 + 16 * number), (left + side + 24, top + 10 + 16 * number)], colour, 3)
        write.text((left + side + 28, top + 4 + 16 * number), name, fill="black")
    return sheet


def sheets(category: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Image.Image]:
    """The curves of a category's first seed, by the names of their files."""
    own = [row for row in rows if row["task"] == "localisation" and row["category"] == category and row["seed"] == 0]
    found = {}
    for kind in ("image", "pixel"):
        curves = {row["training"]: row["curves"][kind] for row in own if row["curves"][kind]}
        if curves:
            found[f"{category}-{kind}-precision-recall.png"] = curves_sheet(curves, f"{category}: precision, {kind}s")
    return found
