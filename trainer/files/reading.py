"""Texts in places that may be anybody's: regular files only, bounded, never waiting for the other end of a pipe."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TextIO

from ..errors import TrainerError

MAX_BYTES = 1 << 24
#: A line of a manifest or of metrics has some hundred bytes.
MAX_LINE = 1 << 20


def read_text(path: Path) -> str:
    """The whole of a small UTF-8 file.

    Raises:
        OSError: not there, no regular file, or larger than `MAX_BYTES`.
        ValueError: it is not UTF-8.
    """
    with _opened(path) as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise OSError(f"{path} is larger than {MAX_BYTES} bytes, which no such file is")
    return data.decode("utf-8")


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file of any length, one after another with their ends; what is not UTF-8 is replaced.

    Raises:
        OSError: not there, no regular file, or a line longer than `MAX_LINE`.
    """
    with _opened(path) as stream:
        while line := stream.readline(MAX_LINE + 1):
            if len(line) > MAX_LINE:
                raise OSError(f"{path} has a line of more than {MAX_LINE} bytes, which no such file has")
            yield line.decode("utf-8", "replace")


def append_to(path: Path) -> TextIO:
    """A UTF-8 file to append to, made when missing.

    Raises:
        OSError: it cannot be written, or is a link, which may lead into somebody's own file, or no regular file.
    """
    descriptor = _descriptor(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW)
    return os.fdopen(descriptor, "w", encoding="utf-8")


def _opened(path: Path) -> BinaryIO:
    _require_regular(path.stat(), path)  # before opening: a device may act on it
    return os.fdopen(_descriptor(path, os.O_RDONLY), "rb")


def _descriptor(path: Path, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0), 0o666)
    try:
        _require_regular(os.fstat(descriptor), path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _require_regular(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"{path} is not a regular file")


def sha256_of(path: Path) -> str:
    """SHA-256 of the file's bytes, as hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def content_hash(path: Path) -> str:
    """`sha256_of` a file that a person named.

    Raises:
        TrainerError: it cannot be read.
    """
    try:
        return sha256_of(path)
    except OSError as error:
        raise TrainerError(f"Cannot read {path}: {error.strerror}.") from error
