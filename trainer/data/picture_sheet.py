"""Sheets of pictures for people: named columns, a caption over each row, gaps between the cells."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

#: Cells smaller than this are enlarged by a whole factor; texts need the room too.
LEAST_SIDE = 128
_GAP, _FONT_SIZE, _LINE = 8, 12, 16
_PAPER, _INK = (255, 255, 255), (24, 24, 24)


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        caption: written above it.
        cells: pictures of one size, as many as there are columns; None leaves a cell empty.
    """

    caption: str
    cells: tuple[Image.Image | None, ...]


def make_sheet(title: str, columns: Sequence[str], rows: Sequence[Row]) -> Image.Image:
    """Lay rows out under a title and the columns' names."""
    first = next(cell for row in rows for cell in row.cells if cell is not None)
    factor = max(1, -(-LEAST_SIDE // first.width))
    wide, high = first.width * factor, first.height * factor
    width = _GAP + len(columns) * (wide + _GAP)
    font = _font()
    letters = max(8, int((width - 2 * _GAP) / max(1.0, font.getlength("abcdefghij ") / 11)))
    captions = [textwrap.wrap(_plain(row.caption), letters) for row in rows]
    head = textwrap.wrap(_plain(title), letters)
    height = _GAP + (len(head) + 1) * _LINE + sum(len(lines) * _LINE + high + 2 * _GAP for lines in captions)
    sheet = Image.new("RGB", (width, height), _PAPER)
    pen, top = ImageDraw.Draw(sheet), _GAP

    def write(lines: Sequence[str]) -> None:
        nonlocal top
        for line in lines:
            pen.text((_GAP, top), line, _INK, font)
            top += _LINE

    write(head)
    for number, name in enumerate(columns):
        pen.text((_GAP + number * (wide + _GAP), top), _plain(name), _INK, font)
    top += _LINE
    for row, lines in zip(rows, captions, strict=True):
        top += _GAP
        write(lines)
        for number, cell in enumerate(row.cells):
            if cell is not None:
                shown = cell.convert("RGB").resize((wide, high), Image.Resampling.NEAREST)
                sheet.paste(shown, (_GAP + number * (wide + _GAP), top))
        top += high + _GAP
    return sheet


def _font() -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Pillow's own font: outlines since 10.1, before that a bitmap of one size."""
    try:
        return ImageFont.load_default(_FONT_SIZE)
    except (TypeError, ImportError):
        return ImageFont.load_default()


def _plain(text: str) -> str:
    """What every Pillow's own font can draw."""
    return text.encode("latin-1", "replace").decode("latin-1")
