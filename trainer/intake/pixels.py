"""Pictures and masks as training takes them: masks of 0 and 255 in one file, PNG or JPEG images, squares cut out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ..data.images import image_size, read_image, write_png
from ..errors import TrainerError
from ..masks.regions import BoolMask, mask_image
from .job import Row
from .record import Record, place, record
from .shapes import draw
from .squares import Box, around_defects, square

GOOD_SQUARES = 4
"""Squares cut out of one good image, at places where defects were seen."""


class PixelWriter:
    """Writes the rows of one category into a folder.

    Good images that are to be cut get squares where anomalous ones had theirs, in turn, so that both show the same
    parts at the same scale; the anomalous ones therefore come first.
    """

    def __init__(self, folder: Path, crop: int, *, copies: bool) -> None:
        self._folder = folder
        self._crop = crop
        self._copies = copies
        self._squares: list[Box] = []
        self._turn = 0

    def write(self, row: Row) -> list[Record]:
        """The row's files, each with its entry of the manifest.

        Raises:
            TrainerError: a file cannot be read, or its mask marks nothing; then nothing of the row is written.
        """
        size = image_size(row.image)
        mask = self._mask(row, size) if row.mask else None
        if self._crop and min(size) > self._crop:
            return self._cut(row, size, mask)
        if row.to.endswith(".png") and row.image.suffix.lower() != ".png":
            _save(read_image(row.image), self._folder / row.to)
        else:
            place(row.image, self._folder / row.to, copies=self._copies)
        if mask is not None:
            if len(row.masks) == 1 and not row.shapes and is_clean(row.masks[0]):
                place(row.masks[0], self._folder / row.mask, copies=self._copies)
            else:
                _save(mask_image(mask), self._folder / row.mask)
        return [record(row)]

    def _mask(self, row: Row, size: tuple[int, int]) -> BoolMask:
        mask = draw(row.shapes, size)
        for path in row.masks:
            marked = read_marks(path, labels=row.labels)
            if marked.shape != mask.shape:
                raise TrainerError(f"its mask {path.name} is {marked.shape[1]} x {marked.shape[0]}, the image {size}")
            mask |= marked
        if not mask.any():
            raise TrainerError("its mask marks nothing")
        return mask

    def _cut(self, row: Row, size: tuple[int, int], mask: BoolMask | None) -> list[Record]:
        image = read_image(row.image)
        boxes = around_defects(mask, self._crop) if mask is not None else self._next_squares(size)
        if mask is not None:
            self._squares += boxes
        records = []
        for box in boxes:
            tag = f"_x{box[0]}_y{box[1]}"
            to = f"{row.to[: row.to.rindex('.')]}{tag}.png"
            _save(image.crop(box), self._folder / to)
            name = ""
            if mask is not None:
                name = row.mask.removesuffix("_mask.png") + f"{tag}_mask.png"
                _save(mask_image(mask[box[1] : box[3], box[0] : box[2]]), self._folder / name)
            records.append(record(row, to=to, mask=name, box=box))
        return records

    def _next_squares(self, size: tuple[int, int]) -> list[Box]:
        known = self._squares or [square(size[0] // 2, size[1] // 2, self._crop, size)]
        chosen = [known[(self._turn + step) % len(known)] for step in range(min(GOOD_SQUARES, len(known)))]
        self._turn += len(chosen)
        inside = (square((b[0] + b[2]) // 2, (b[1] + b[3]) // 2, b[2] - b[0], size) for b in chosen)
        return list(dict.fromkeys(inside))


def read_marks(path: Path, *, labels: bool) -> BoolMask:
    """What a mask marks, as (H, W).

    Args:
        path: any image. One whose only content is its transparency is read by that.
        labels: values are numbers of classes, so everything above 0 is marked; else what is at least half as bright
            as the brightest, which keeps grey edges of drawn masks and drops the noise of JPEG.

    Raises:
        TrainerError: it cannot be read.
    """
    image = read_image(path, "RGBA")
    values = np.asarray(image)
    colours, alpha = values[..., :3], values[..., 3]
    level = np.asarray(colours.max(axis=-1))
    if alpha.min() < 255:
        visible = alpha >= 128
        return np.asarray(visible & (level > 0) if (level[visible] > 0).any() else visible)
    coloured = bool((colours != colours[..., :1]).any())
    if labels or (coloured and path.suffix.lower() == ".png"):
        return np.asarray(level > 0)
    return np.asarray(level >= max(1, (int(level.max()) + 1) // 2))


def is_clean(path: Path) -> bool:
    """Whether a mask is what training reads without doubt: a PNG of grey values 0 and 255.

    Raises:
        TrainerError: it cannot be read.
    """
    with Image.open(path) as image:
        if image.format != "PNG" or image.mode != "L" or image.info.get("transparency") is not None:
            return False
    values = np.asarray(read_image(path, "L"))
    return bool(((values == 0) | (values == 255)).all())


def _save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(image, path)
