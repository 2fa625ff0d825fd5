"""Width and height of an image from its first bytes, and whether it has its end, without decoding a pixel.

A library that does this takes 60 ms to import (it brings an HTTP client); the whole check has 150. PNG, JPEG, BMP,
TIFF and WebP are read, the formats the trainer takes. Layouts: PNG (ISO/IEC 15948, 11.2.2), JPEG (ITU-T T.81, B.2),
BMP (BITMAPINFOHEADER), TIFF 6.0 (section 2), WebP (RFC 9649).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from ...language import _
from ...system.bundle import bundled
from ...system.files import plain_error, read_ends, read_part
from ..sheet import ImageFile

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
ReadMore = Callable[[], bytes]
_MAX_HEADER = 1 << 20
"""A JPEG may carry a colour profile and a preview before its size; a megabyte holds them."""

_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class NotAnImageError(Exception):
    """The bytes are not the header of an image; the message says what they are."""


def read_image(path: str | Path) -> ImageFile:
    """One image by its header. Never raises: what is wrong is in `error`."""
    name = str(path)
    try:
        ends = bundled("content.ends")
        head, tail, size = read_ends(name, ends.HEAD, ends.TAIL)
        if not head:
            return ImageFile(name, error=_("empty file"))
        width, height = image_size(head, lambda: read_part(name, _MAX_HEADER))
        if width <= 0 or height <= 0:
            return ImageFile(name, error=_("its header says width or height 0"))
        if _is_deep(head, lambda: read_part(name, _MAX_HEADER)):
            return ImageFile(name, error=_("more than 8 bits a channel, which training would clip; save it with 8"))
        if ends.is_cut_short(head, tail, size, lambda length, at: read_part(name, length, at)):
            return ImageFile(name, error=_("cut short: its last bytes are missing"))
    except (OSError, ValueError) as error:
        return ImageFile(name, error=plain_error(error))
    except NotAnImageError as error:
        return ImageFile(name, error=str(error))
    except struct.error:
        return ImageFile(name, error=_("cut short within its header"))
    return ImageFile(name, width, height)


def image_size(head: bytes, more: ReadMore) -> tuple[int, int]:
    """(width, height) in pixels from the first 64 bytes; `more` gives up to a megabyte where those do not suffice.

    Raises NotAnImageError, or struct.error where the bytes end too early.
    """
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        if head[12:16] != b"IHDR":
            raise NotAnImageError(_("a PNG signature without a header"))
        return struct.unpack(">II", head[16:24])
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg_size(more())
    if head.startswith(b"BM"):
        width, height = struct.unpack("<ii", head[18:26])
        return width, abs(height)  # a negative height means rows from the top
    if head[:4] in (b"II*\0", b"MM\0*"):
        return _tiff_size(more())
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return _webp_size(head)
    raise NotAnImageError(_("not an image ({head})", head=_describe(head)))


def _is_deep(head: bytes, more: ReadMore) -> bool:
    """Whether it is grey with more than 8 bits: the trainer refuses such an image, other readers turn it white.

    Colour images of 16 bits are read as 8 (Pillow's PngImagePlugin and TiffImagePlugin, _MODES and OPEN_INFO).
    """
    if head.startswith(b"\x89PNG"):
        return head[24:26] == b"\x10\0"  # bit depth 16, colour type grey
    if head[:4] in (b"II*\0", b"MM\0*"):
        tags = _tiff_tags(more())
        return tags.get(0x0115, 1) == 1 and tags.get(0x0102, 8) > 8  # samples a pixel, bits a sample
    return False


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    turned = False
    while True:
        marker, length = struct.unpack_from(">xBH", data, at)
        if data[at] != 0xFF:
            raise NotAnImageError(_("a JPEG whose segments do not follow each other"))
        if marker == 0xFF:  # a filler byte
            at += 1
            continue
        if marker in _JPEG_SIZES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return (height, width) if turned else (width, height)
        if marker == 0xE1 and data[at + 4 : at + 10] == b"Exif\0\0":
            turned = _is_turned(data[at + 10 : at + 2 + length])
        if marker in (0xD9, 0xDA) or length < 2:
            raise NotAnImageError(_("a JPEG without a size"))
        at += 2 + length


def _is_turned(exif: bytes) -> bool:
    """Whether the EXIF orientation (tag 0x0112) swaps width and height, as the trainer's reader does."""
    try:
        return _tiff_tags(exif).get(0x0112, 1) >= 5
    except struct.error:
        return False


def _tiff_size(data: bytes) -> tuple[int, int]:
    tags = _tiff_tags(data)
    if 0x0100 not in tags or 0x0101 not in tags:
        raise NotAnImageError(_("a TIFF whose size stands beyond its first megabyte"))
    return tags[0x0100], tags[0x0101]


def _tiff_tags(data: bytes) -> dict[int, int]:
    """The whole-number tags of the first directory."""
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(order + "I", data, 4)
    if at + 2 > len(data):
        return {}
    (count,) = struct.unpack_from(order + "H", data, at)
    tags: dict[int, int] = {}
    for index in range(min(count, 512)):
        entry = at + 2 + 12 * index
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        if kind in (3, 4):  # SHORT, LONG
            (tags[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, entry + 8)
    return tags


def _webp_size(head: bytes) -> tuple[int, int]:
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L":
        (bits,) = struct.unpack("<I", head[21:25])
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    raise NotAnImageError(_("a WebP of an unknown kind"))


def _describe(head: bytes) -> str:
    if head.startswith(b"version https://git-lfs"):
        return _("a Git LFS pointer: run `git lfs pull` where the data comes from")
    if head.lstrip()[:1] == b"<":
        return _("it begins like a web page")
    if not head.strip(b"\0"):
        return _("it begins with zero bytes")
    return _("it begins with {head!r}", head=head[:8])
