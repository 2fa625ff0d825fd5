"""A sheet of small pictures to judge object masks by: each image, and beside it what the background module will see."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from ..data.dataset import blacken_object
from ..data.images import read_image

MOST = 24
"""Images on the sheet, evenly spaced over all."""
TILE = 160
"""Pixels of a small picture's side."""
COLUMNS = 4


def contact_sheet(images: Sequence[Path], masks: Path) -> Image.Image:
    """The sheet, RGB.

    Args:
        images: the images, at least one.
        masks: folder of their object masks, `<stem>.png`.

    Raises:
        TrainerError: a file cannot be read.
    """
    shown = [images[number * len(images) // min(MOST, len(images))] for number in range(min(MOST, len(images)))]
    columns = min(COLUMNS, len(shown))
    sheet = Image.new("RGB", (columns * 2 * TILE, -(-len(shown) // columns) * TILE), (128, 128, 128))
    for number, path in enumerate(shown):
        image, mask = read_image(path), read_image(masks / f"{path.stem}.png", "L")
        row, column = divmod(number, columns)
        for step, picture in enumerate((image, blacken_object(image, mask))):
            picture.thumbnail((TILE - 4, TILE - 4))
            sheet.paste(picture, ((column * 2 + step) * TILE + 2, row * TILE + 2))
    return sheet
