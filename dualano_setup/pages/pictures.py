"""Pictures put into a page as data, none larger than the page has room for. Decodes nothing: no image library here."""

from __future__ import annotations

import struct
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from ..facts.project.image_header import NotAnImageError, image_size
from ..system.files import read_part

THUMBNAILS = "thumbnails"
ROOM = 4_000_000
"""Characters of pictures in one page; with curve and text it stays below five million."""
SMALL = 60_000
"""Bytes up to which a picture without a small copy is taken as it is."""
_KINDS = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"RIFF", "webp"))


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as an address that holds it, with its width and height in pixels."""

    data: str
    width: int
    height: int


@dataclass(slots=True)
class Album:
    """Gives pictures until its room is used up; counts those that found none, or were too large to be put in."""

    room: int = ROOM
    left_out: int = 0

    def picture(self, path: Path, largest: int = SMALL) -> Picture | None:
        """The picture in that file; None where there is none, it has more than `largest` bytes, or no room is left."""
        try:
            data = read_part(path, largest + 1)
            kind = next(name for magic, name in _KINDS if data.startswith(magic))
            width, height = image_size(data[:64], lambda: data)
        except (OSError, ValueError, StopIteration, NotAnImageError, struct.error):
            return None
        text = f"data:image/{kind};base64,"
        size = len(text) + 4 * -(-len(data) // 3)
        if len(data) > largest or size > self.room:
            self.left_out += 1
            return None
        self.room -= size
        return Picture(text + b64encode(data).decode("ascii"), width, height)

    def small(self, path: Path, largest: int = SMALL) -> Picture | None:
        """The small copy of a picture, else the picture itself where it is small."""
        folder, stem = path.parent / THUMBNAILS, path.stem
        return self.first((folder / f"{stem}.jpg", folder / f"{stem}.png", path), largest)

    def first(self, paths: tuple[Path, ...], largest: int = SMALL) -> Picture | None:
        """The first of these that is there and can be put in."""
        return next((found for path in paths if (found := self.picture(path, largest)) is not None), None)
