"""Whether one weight file is whole, from its first and last bytes; nothing is unpickled, no tensor is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from ...language import _
from ...system.files import plain_error, read_part, size_of

State = Literal["whole", "truncated", "pointer", "damaged"]

POINTER_START = b"version https://git-lfs.github.com/spec/"
_MAX_POINTER = 1024
MAX_HEADER = 1 << 23
"""Bytes. Stable Diffusion's UNet has 80 kB for 686 tensors; the format allows 100 MB, a GB as Python's objects."""
_TAIL = 1 << 16
_ZIP, _ZIP_END = b"PK\x03\x04", b"PK\x05\x06"
_PICKLE = b"\x80"


def check_weights(path: Path) -> tuple[State, str]:
    """(state, what was seen) of a weight file. Never raises."""
    try:
        size = size_of(path)
        if size is None:
            return "damaged", _("not a regular file")
        head = read_part(path, 64)
        if size < _MAX_POINTER and head.startswith(POINTER_START):
            return "pointer", _("a Git LFS pointer file")
        if size == 0:
            return "truncated", "empty"
        if path.suffix == ".safetensors":
            return _check_safetensors(path, size, head)
        return _check_pickle(path, size, head)
    except (OSError, ValueError, RecursionError) as error:
        return "damaged", plain_error(error)


def is_pointer(data: bytes) -> bool:
    """Whether these are the bytes of a Git LFS pointer (its specification, version 1)."""
    return len(data) < _MAX_POINTER and data.startswith(POINTER_START)


def _check_safetensors(path: Path, size: int, head: bytes) -> tuple[State, str]:
    """8 bytes of header length, the header as JSON, then the tensors it lists, without a gap (safetensors README)."""
    if size < 8:
        return "truncated", _("{size} bytes, not even the length of its header", size=size)
    length = int.from_bytes(head[:8], "little")
    if head[8:9] != b"{":
        return "damaged", _("not a safetensors file (it begins with {head!r})", head=head[:12])
    if 8 + length > size:
        return "truncated", _("{size} bytes, its header alone has {length}", size=size, length=length)
    if length > MAX_HEADER:
        return "damaged", _("its header claims {length} bytes, which no model's has", length=length)
    header = json.loads(read_part(path, length, 8))
    try:
        ends = [int(tensor["data_offsets"][1]) for name, tensor in header.items() if name != "__metadata__"]
    except (KeyError, IndexError, TypeError, OverflowError):
        return "damaged", _("not a safetensors file (it begins with {head!r})", head=head[:12])
    expected = 8 + length + max(ends, default=0)
    if size < expected:
        return "truncated", _("{size} of {expected} bytes", size=size, expected=expected)
    if size > expected:
        return "damaged", _("{size} bytes where its header lists {expected}", size=size, expected=expected)
    return "whole", ""


def _check_pickle(path: Path, size: int, head: bytes) -> tuple[State, str]:
    """torch.save writes a zip archive, whose directory comes last; before torch 1.6 it wrote a bare pickle."""
    if head.startswith(_ZIP):
        whole = _ZIP_END in read_part(path, _TAIL, max(0, size - _TAIL))
        return (
            ("whole", "")
            if whole
            else ("truncated", _("{size} bytes, without the archive's directory at its end", size=size))
        )
    if head.startswith(_PICKLE):
        return "whole", ""
    return "damaged", _("not a torch file (it begins with {head!r})", head=head[:12])
