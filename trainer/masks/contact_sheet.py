"""Sheets of small pictures to judge masks by: each image, and beside it what a mask makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from PIL import Image

from ..data.dataset import blacken_object
from ..data.images import read_image

MOST = 24
"""Images on the sheet, evenly spaced over all."""
TILE = 160
"""Pixels of a small picture's side."""
COLUMNS = 4
FILE = Path("look", "contact-sheet.jpg")
"""Where a folder of masks, or an imported category, has its sheet."""
Row = TypeVar("Row")


def contact_sheet(images: Sequence[Path], masks: Path) -> Image.Image:
    """The sheet of object masks, RGB: beside each image what the background module will see.

    Args:
        images: the images, at least one.
        masks: folder of their object masks, `<stem>.png`.

    Raises:
        TrainerError: a file cannot be read.
    """

    def couple(path: Path) -> tuple[Image.Image, Image.Image]:
        image, mask = read_image(path), read_image(masks / f"{path.stem}.png", "L")
        return image, blacken_object(image, mask)

    return _sheet([couple(path) for path in _evenly(images)])


def defect_sheet(pairs: Sequence[tuple[Path, Path]]) -> Image.Image:
    """The sheet of anomalous images, RGB: what their anomaly masks mark is red.

    Args:
        pairs: each image with its mask, at least one.

    Raises:
        TrainerError: a file cannot be read.
    """

    def couple(pair: tuple[Path, Path]) -> tuple[Image.Image, Image.Image]:
        image, mask = read_image(pair[0]), read_image(pair[1], "L")
        image.thumbnail((TILE, TILE))
        red = Image.new("RGB", image.size, (230, 0, 60))
        shade = mask.resize(image.size, Image.Resampling.BOX).point(lambda value: min(170, 4 * value))
        return image, Image.composite(red, image, shade)

    return _sheet([couple(pair) for pair in _evenly(pairs)])


def _evenly(rows: Sequence[Row]) -> list[Row]:
    count = min(MOST, len(rows))
    return [rows[number * len(rows) // count] for number in range(count)]


def _sheet(couples: Sequence[tuple[Image.Image, Image.Image]]) -> Image.Image:
    columns = min(COLUMNS, len(couples))
    sheet = Image.new("RGB", (columns * 2 * TILE, -(-len(couples) // columns) * TILE), (128, 128, 128))
    for number, couple in enumerate(couples):
        row, column = divmod(number, columns)
        for step, picture in enumerate(couple):
            picture.thumbnail((TILE - 4, TILE - 4))
            sheet.paste(picture, ((column * 2 + step) * TILE + 2, row * TILE + 2))
    return sheet
