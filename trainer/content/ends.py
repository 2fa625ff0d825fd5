"""Whether an image file has its end, from a few bytes: downloads and copies are cut short without a word.

PNG ends with the chunk IEND (ISO/IEC 15948, 11.2.5), JPEG with the marker EOI (ITU-T T.81, B.2.1); BMP and WebP
say their length. Bytes behind the end are no harm. TIFF has no end of its own: there only decoding tells.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

#: Gives at most that many bytes of the file from that offset on: read(length, offset).
ReadAt = Callable[[int, int], bytes]

#: How much of the beginning and of the end is enough for almost every file.
HEAD, TAIL = 64, 16
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_BLOCK = 1 << 16


def is_cut_short(head: bytes, tail: bytes, size: int, read: ReadAt) -> bool:
    """Whether the file ends before the image does.

    Args:
        head: its first `HEAD` bytes.
        tail: its last `TAIL` bytes.
        size: of the file, in bytes.
        read: more of it; asked only where head and tail do not tell.
    """
    if head.startswith(_PNG):
        return b"IEND" not in tail and all(kind != b"IEND" for kind, _ in png_chunks(size, read))
    if head.startswith(_JPEG):
        return not tail.endswith(b"\xff\xd9") and not _has_end_of_image(size, read)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP" and len(head) >= 12:
        return int.from_bytes(head[4:8], "little") + 8 > size
    if head.startswith(b"BM") and len(head) >= 34:
        return _bmp_length(head) > size
    return False


def png_chunks(size: int, read: ReadAt) -> Iterator[tuple[bytes, int]]:
    """Kind and offset of each chunk that lies in the file as a whole; stops at the first that does not."""
    at = len(_PNG)
    while at + 12 <= size:
        header = read(8, at)
        if len(header) < 8:
            return
        length, kind = struct.unpack(">I4s", header)
        if at + 12 + length > size or not kind.isalpha():
            return
        yield kind, at
        if kind == b"IEND":
            return
        at += 12 + length


def _has_end_of_image(size: int, read: ReadAt) -> bool:
    """Whether EOI follows the beginning of the picture's own data (a preview inside the header has an EOI too)."""
    at = 2
    while at + 4 <= size:
        marker = read(4, at)
        if len(marker) < 4 or marker[0] != 0xFF:
            return False
        if marker[1] == 0xFF:  # a filler byte
            at += 1
            continue
        if marker[1] == 0xDA:
            break
        at += 2 + int.from_bytes(marker[2:4], "big")
    while at < size:
        if b"\xff\xd9" in read(_BLOCK + 1, at):
            return True
        at += _BLOCK
    return False


def _bmp_length(head: bytes) -> int:
    """Where the pixels of an uncompressed BMP end; 0 where it is packed, whose length nothing says."""
    (offset,) = struct.unpack_from("<I", head, 10)
    width, height, _, bits, packing = struct.unpack_from("<iiHHI", head, 18)
    if packing not in (0, 3):
        return 0
    return int(offset + (width * bits + 31) // 32 * 4 * abs(height))
