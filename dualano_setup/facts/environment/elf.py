"""The libraries an ELF file asks for at load time (DT_NEEDED), read without loading it.

Four small reads by seeking, whatever the file's size (xformers' library has 200 MB and more). pyelftools would do it
too, but costs 40 ms to import for these fifty lines. Layout: System V ABI, gABI chapters 4 and 5 (64-bit, both byte
orders).
"""

from __future__ import annotations

import os
import stat
import struct
from typing import BinaryIO

from ...language import _

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_STRSZ = 0, 1, 5, 10
_MAX_PHDRS = 256
_MAX_DYNAMIC = 1 << 16
_MAX_STRINGS = 1 << 24
_MAX_NAME = 256


def needed_libraries(path: str) -> tuple[str, ...]:
    """The DT_NEEDED names, in order. Raises OSError when it cannot be read, ValueError when it is no such file."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # before opening: a pipe would block
        raise ValueError(_("{path} is not a file", path=path))
    with open(path, "rb") as file:
        try:
            return _needed(file)
        except (struct.error, OverflowError, IndexError) as error:
            raise ValueError(_("{path} is a damaged ELF file: {error}", path=path, error=error)) from error


def _needed(file: BinaryIO) -> tuple[str, ...]:
    header = file.read(64)
    if header[:4] != b"\x7fELF" or header[4] != 2:
        raise ValueError(_("{file} is no 64-bit ELF file", file=file.name))
    order = "<" if header[5] == 1 else ">"
    phoff = struct.unpack_from(order + "Q", header, 32)[0]
    phentsize, phnum = struct.unpack_from(order + "HH", header, 54)
    if phentsize < 56 or phnum > _MAX_PHDRS:
        raise ValueError(_("{file} has an implausible program header table", file=file.name))
    table = _at(file, phoff, phentsize * phnum)
    segments = [struct.unpack_from(order + "IIQQQQQQ", table, i * phentsize) for i in range(phnum)]
    dynamic = next((s for s in segments if s[0] == _PT_DYNAMIC), None)
    if dynamic is None:
        return ()
    data = _at(file, dynamic[2], min(dynamic[5], _MAX_DYNAMIC))
    needed: list[int] = []
    tags: dict[int, int] = {}
    for tag, value in struct.iter_unpack(order + "QQ", data[: len(data) // 16 * 16]):
        if tag == _DT_NULL:
            break
        if tag == _DT_NEEDED:
            needed.append(value)
        else:
            tags[tag] = value
    start = _file_offset(segments, tags.get(_DT_STRTAB))
    if start is None or not needed:
        return ()
    size = min(tags.get(_DT_STRSZ, _MAX_STRINGS), _MAX_STRINGS)
    return tuple(_string(file, start + offset) for offset in needed if offset < size)


def _file_offset(segments: list[tuple[int, ...]], address: int | None) -> int | None:
    for kind, __, offset, virtual, __, size, *___ in segments:
        if address is not None and kind == _PT_LOAD and virtual <= address < virtual + size:
            return offset + address - virtual
    return None


def _string(file: BinaryIO, offset: int) -> str:
    return _at(file, offset, _MAX_NAME).split(b"\0", 1)[0].decode("utf-8", "replace")


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)
