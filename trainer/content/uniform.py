"""Whether a PNG is one grey value throughout, from its bytes alone: all-black and all-white masks without a reader.

Of an even picture every filtered row (PNG, ISO/IEC 15948, 9.2) has one of a few forms, so rows are compared, not
decoded, and a picture that is not even costs no more than its even beginning.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from itertools import chain

from .ends import ReadAt, png_chunks

MOST_BYTES, MOST_PIXELS = 1 << 20, 1 << 25
"""Of larger files nothing is said: an even picture of 32 million pixels has some 32 KB."""
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type -> samples a pixel
_PIECE = 1 << 16


def uniform_grey(size: int, read: ReadAt) -> int | None:
    """The grey value (0..255, as Pillow's "L") that every pixel has; None where they differ or it cannot be told.

    Args:
        size: of the file, in bytes.
        read: a part of it, as in `ends`.
    """
    chunks: dict[bytes, list[int]] = {}
    for kind, at in png_chunks(size, read) if size <= MOST_BYTES else ():
        chunks.setdefault(kind, []).append(at)
    if b"IHDR" not in chunks or b"IDAT" not in chunks or b"tRNS" in chunks:
        return None
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", _body(read, chunks[b"IHDR"][0]))
    if interlaced or depth > 8 or colour not in _SAMPLES or not 0 < width * height <= MOST_PIXELS:
        return None
    pieces = (_body(read, at) for at in chunks[b"IDAT"])
    try:
        pixel = _one_pixel(pieces, width, height, depth * _SAMPLES[colour])
    except zlib.error:
        return None
    if pixel is None:
        return None
    if colour == 3:
        palette = _body(read, chunks[b"PLTE"][0]) if b"PLTE" in chunks else b""
        index = pixel[0] >> (8 - depth)
        return _grey(palette[3 * index : 3 * index + 3])
    if colour in (4, 6) and pixel[-1] != 255:
        return None
    return _grey(pixel[:3] if colour in (2, 6) else pixel[:1])


def _one_pixel(pieces: Iterator[bytes], width: int, height: int, bits: int) -> bytes | None:
    """The bytes of the one value that all pixels have (of pixels below a byte: a byte full of them)."""
    length, wide = (width * bits + 7) // 8, max(1, bits // 8)
    rows = _rows(pieces, 1 + length)
    first = next(rows, None)
    if first is None:
        return None
    pixel = first[1 : 1 + wide] if bits >= 8 else _full(first[1] >> (8 - bits), bits)
    # The bits behind the last pixel are ones or, as most programs write them, zeros.
    padded = bytes((pixel[-1] & (0xFF << (-width * bits % 8)) & 0xFF,)) if bits < 8 else pixel
    count = length // wide
    forms = {end: (_forms(pixel, end, count, below=False), _forms(pixel, end, count, below=True))
             for end in (pixel, padded)}  # fmt: skip
    for number, row in enumerate(chain((first,), rows), 1):
        forms = {end: form for end, form in forms.items() if form[number > 1].get(row[0]) == row[1:]}
        if not forms:
            return None
        if number == height:
            return pixel
    return None


def _forms(pixel: bytes, end: bytes, count: int, *, below: bool) -> dict[int, bytes]:
    """Filter -> a row of `count` equal pixels, the last of them `end`, as the first row or below another such row."""
    short = min(count, 4)
    row = (pixel * short)[: -len(pixel)] + end
    above = row if below else bytes(len(row))
    forms = {kind: _filtered(kind, row, above, len(pixel)) for kind in range(5)}
    wide = len(pixel)
    return {
        kind: form if count == short else form[:wide] + form[wide : 2 * wide] * (count - 2) + form[-wide:]
        for kind, form in forms.items()
    }


def _filtered(kind: int, row: bytes, above: bytes, wide: int) -> bytes:
    """The row as that filter writes it."""
    left, corner = bytes(wide) + row[:-wide], bytes(wide) + above[:-wide]
    return bytes(
        (value - (0, a, b, (a + b) // 2, _paeth(a, b, c))[kind]) & 255
        for value, a, b, c in zip(row, left, above, corner, strict=True)
    )


def _paeth(left: int, above: int, corner: int) -> int:
    near = left + above - corner
    return min((left, above, corner), key=lambda value: abs(near - value))


def _rows(pieces: Iterator[bytes], length: int) -> Iterator[bytes]:
    """Rows of that many bytes, decompressed only as far as they are asked for."""
    stream = zlib.decompressobj()
    held = b""
    for piece in pieces:
        while piece:
            held += stream.decompress(piece, max(length, _PIECE))
            piece = stream.unconsumed_tail
            whole = len(held) - len(held) % length
            yield from (held[at : at + length] for at in range(0, whole, length))
            held = held[whole:]


def _body(read: ReadAt, at: int) -> bytes:
    return read(int.from_bytes(read(4, at), "big"), at + 8)


def _full(value: int, bits: int) -> bytes:
    """A byte full of that value."""
    return bytes((sum(value << shift for shift in range(0, 8, bits)),))


def _grey(colour: bytes) -> int | None:
    """The luma of one grey value or three of colour (ITU-R BT.601 as Pillow rounds it)."""
    if len(colour) != 3:
        return colour[0] if len(colour) == 1 else None
    red, green, blue = colour
    return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
