"""Reading files that strangers made: bounded, never blocking, regular files only."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from ..language import N_, _
from ..light_dataclasses import dataclass

MAX_ENTRIES = 20_000
"""Directory entries looked at; the largest MVTec folder holds 391 images."""

_count = [0]
SMALL = 1 << 16
"""Bytes looked at of a file that has a few lines."""

_KINDS = (
    (stat.S_ISDIR, N_("a folder")),
    (stat.S_ISFIFO, N_("a named pipe")),
    (stat.S_ISSOCK, N_("a socket")),
    (stat.S_ISCHR, N_("a device")),
    (stat.S_ISBLK, N_("a device")),
)


class NotRegularError(OSError):
    """What stands there is no regular file (a pipe, a device, a folder); reading it could block or never end."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The entries of one folder by kind, sorted by name; links are followed, what cannot be followed is `other`."""

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    cut: bool = False  # more than MAX_ENTRIES


def read_part(path: Path | str, limit: int, offset: int = 0) -> bytes:
    """At most `limit` bytes of a regular file from `offset` on. Raises OSError (NotRegularError for pipes and such)."""
    _moved()
    _require_regular(os.stat(path), path)
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    try:
        status = os.fstat(handle)
        _require_regular(status, path)
        if offset:
            os.lseek(handle, offset, os.SEEK_SET)
        chunk = os.read(handle, min(limit, 1 << 20))
        if len(chunk) in (limit, status.st_size - offset):  # most files are small: no second read to see the end
            return chunk
        chunks = []
        while chunk:
            chunks.append(chunk)
            limit -= len(chunk)
            chunk = os.read(handle, min(limit, 1 << 20))
        return b"".join(chunks)
    finally:
        os.close(handle)


def read_ends(path: Path | str, first: int, last: int) -> tuple[bytes, bytes, int]:
    """The first and the last bytes of a regular file and its size. Raises OSError as `read_part` does."""
    _moved()
    _require_regular(os.stat(path), path)
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    try:
        status = os.fstat(handle)
        _require_regular(status, path)
        size = status.st_size
        return os.pread(handle, first, 0), os.pread(handle, last, max(0, size - last)), size
    finally:
        os.close(handle)


def read_whole(path: Path | str, limit: int) -> bytes:
    """The whole of a regular file. Raises OSError, also when it is larger than `limit` bytes."""
    data = read_part(path, limit + 1)
    if len(data) > limit:
        raise OSError(_("{path} is larger than {limit} bytes, which no such file is", path=path, limit=limit))
    return data


def bytes_at(path: Path | str, limit: int = SMALL) -> bytes:
    """At most `limit` bytes of a regular file; empty when it is not there or cannot be read."""
    try:
        return read_part(path, limit)
    except (OSError, ValueError):
        return b""


def text_at(path: Path | str, limit: int = SMALL) -> str:
    """The same as text: of what is not UTF-8, replacement characters."""
    return bytes_at(path, limit).decode("utf-8", "replace")


def names_at(folder: Path | str) -> list[str]:
    """The names in a folder, sorted; empty when it is not there or cannot be listed."""
    try:
        return sorted(os.listdir(folder))
    except (OSError, ValueError):
        return []


def first_executable(paths: Iterable[str]) -> str | None:
    """The first of these that is a program."""
    return next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), None)


def size_of(path: Path | str) -> int | None:
    """Bytes of a regular file, None when there is none (or it cannot be reached)."""
    _moved()
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def bytes_below(place: Path) -> int:
    """Bytes of a file or link, or of everything below a folder; links are not followed. What is in the way counts 0."""
    total = 0
    waiting = [os.fspath(place)]
    while waiting:
        path = waiting.pop()
        try:
            if os.path.isdir(path) and not os.path.islink(path):
                waiting += [entry.path for entry in os.scandir(path)]
            else:
                total += os.lstat(path).st_size
        except OSError:
            continue
    return total


def list_folder(folder: Path | str, most: int = MAX_ENTRIES) -> Listing:
    """What is directly in `folder`, at most that many entries. Raises OSError when it cannot be listed."""
    _moved()
    files: list[str] = []
    folders: list[str] = []
    other: list[str] = []
    with os.scandir(folder) as entries:
        for count, entry in enumerate(entries):
            if count >= most:
                return Listing(tuple(sorted(files)), tuple(sorted(folders)), tuple(sorted(other)), cut=True)
            try:
                kind = files if entry.is_file() else folders if entry.is_dir() else other
            except OSError:  # a link that leads round in a circle
                kind = other
            kind.append(entry.name)
    return Listing(tuple(sorted(files)), tuple(sorted(folders)), tuple(sorted(other)))


def moved() -> int:
    """How often something was looked at so far: whoever waits sees by it whether a slow disk still answers."""
    return _count[0]


def _moved() -> None:
    _count[0] += 1


def stem_of(path: str) -> str:
    """A file's name without folders and ending; for many names, of which a pathlib path costs ten times as much."""
    name = path.rpartition(os.sep)[2]
    return name.rpartition(".")[0] or name


def plain_error(error: Exception) -> str:
    """An error's message without Python's decoration."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def _require_regular(status: os.stat_result, path: Path | str) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    kind = next((name for test, name in _KINDS if test(status.st_mode)), N_("something else"))
    raise NotRegularError(_("{path} is {kind}, not a file", path=path, kind=_(kind)))
