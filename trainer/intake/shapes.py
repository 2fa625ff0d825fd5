"""Outlines that data sets give in text, drawn as masks: polygons, boxes, ellipses, runs of pixels, small PNGs.

    {"polygon": [x, y, ...]}  {"box": [left, top, right, bottom]}  {"ellipse": [x, y, radius x, radius y]}
    {"rle": runs, "size": [height, width], "at": [left, top], "by": "columns" (COCO) or "rows" (CVAT)}
    {"png": base64 text, "at": [left, top]}  (LabelMe)
Runs begin with one of pixels that are not marked; COCO's compressed runs are text.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from ..data.images import MAX_PIXELS
from ..errors import TrainerError
from ..masks.regions import BoolMask


def draw(shapes: Sequence[dict[str, Any]], size: tuple[int, int]) -> BoolMask:
    """All shapes joined, as (H, W), true = marked.

    Args:
        shapes: as above; pixel coordinates.
        size: width and height.

    Raises:
        TrainerError: a shape that is none.
    """
    canvas = Image.new("1", size)
    pen = ImageDraw.Draw(canvas)
    marked = np.zeros((size[1], size[0]), np.bool_)
    for shape in shapes:
        try:
            if "polygon" in shape:
                points = [float(number) for number in shape["polygon"]]
                pen.polygon(list(zip(points[::2], points[1::2], strict=True)), fill=1, outline=1)
            elif "box" in shape:
                left, top, right, bottom = map(float, shape["box"])
                pen.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), fill=1)
            elif "ellipse" in shape:
                x, y, across, down = map(float, shape["ellipse"])
                pen.ellipse((x - across, y - down, x + across, y + down), fill=1)
            elif "rle" in shape:
                _paste(marked, _from_runs(shape), shape["at"])
            else:
                _paste(marked, _from_png(shape["png"]), shape["at"])
        except (LookupError, TypeError, ValueError, OSError, binascii.Error, Image.DecompressionBombError) as error:
            raise TrainerError(f"an outline cannot be drawn ({error!r})") from error
    return marked | np.asarray(canvas, dtype=np.bool_)


def _from_runs(shape: dict[str, Any]) -> BoolMask:
    height, width = map(int, shape["size"])
    runs = _decompressed(shape["rle"]) if isinstance(shape["rle"], str) else [int(run) for run in shape["rle"]]
    if not 0 < height * width <= MAX_PIXELS or min(runs, default=0) < 0 or sum(runs) > height * width:
        raise ValueError("runs that do not fit their size")
    values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    flat = np.zeros(height * width, np.bool_)
    flat[: len(values)] = values
    return flat.reshape(width, height).T if shape["by"] == "columns" else flat.reshape(height, width)


def _decompressed(text: str) -> list[int]:
    """COCO's compressed runs: five bits a character, the sixth says that more follow; from the third run on, the
    difference to the run two before (pycocotools, maskApi.c, rleFrString)."""
    runs: list[int] = []
    value, shift = 0, 0
    for char in text.encode("ascii"):
        bits = char - 48
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value, shift = 0, 0
    return runs


def _from_png(text: str) -> BoolMask:
    with Image.open(io.BytesIO(base64.b64decode(text)), formats=("PNG",)) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError("a mask of too many pixels")
        return np.asarray(image.convert("L")) > 0


def _paste(marked: BoolMask, piece: BoolMask, at: Sequence[float]) -> None:
    """Join `piece` into `marked` with its corner at (left, top), what hangs over cut off."""
    left, top = (int(number) for number in at)
    if left < 0 or top < 0:
        piece, left, top = piece[max(0, -top) :, max(0, -left) :], max(0, left), max(0, top)
    view = marked[top : top + piece.shape[0], left : left + piece.shape[1]]
    view |= piece[: view.shape[0], : view.shape[1]]
