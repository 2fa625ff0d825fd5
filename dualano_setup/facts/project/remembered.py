"""What the reader of pixels said of files, kept in the project's own folder until a file changes.

The file is a cache and nothing else: one that is not there, not whole or not writable costs a second look, no more.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...light_dataclasses import fields
from ...system.bundle import bundle_root
from ...system.files import read_whole
from ..sheet import MaskContent

NAME = "contents.json"
_MOST = 1 << 22  # bytes; a file of 1,000 rows has some 150 KB
_SETTLED = 2.0  # seconds: a file changed just now may change again within one tick of its clock
_NUMBERS = len(fields(MaskContent)) - 1  # but for its path
_LENGTHS = {"mask": _NUMBERS, "object": _NUMBERS, "photograph": 1}
# What the numbers depend on; with any other text of these they are read anew.
_READERS = ("content/verdict.py", "data/images.py", "data/measure.py", "data/square.py")

File = tuple[str, str]  # kind, path
Stamp = list[int]  # bytes, times of change of the contents and of the entry in ns


class Memory:
    """The rows of one project's files, for one reader with one resolution.

    Args:
        folder: the project's state folder; where it is not there, nothing is kept.
        circumstances: what else the numbers depend on.
    """

    def __init__(self, folder: Path, circumstances: str) -> None:
        self._file = folder / NAME
        self._circumstances = circumstances
        self._rows: dict[str, list[Any]] = {}
        self._stamps: dict[int, Stamp] = {}

    def known(self, files: Sequence[File]) -> dict[int, Any]:
        """Number of a file -> its numbers, of those that have not changed since they were read."""
        self._rows = self._load()
        found = {}
        for number, (kind, path) in enumerate(files):
            stamp = self._stamps[number] = _stamp(path)
            row = self._rows.get(_name(kind, path))
            if row and stamp and row[0] == stamp and _is_sound(kind, row[1]):
                found[number] = row[1]
        return found

    def keep(self, files: Sequence[File], answers: Mapping[int, Any]) -> None:
        """Keep what was answered now, beside what was known of the files before."""
        rows = {name: self._rows[name] for name in (_name(*file) for file in files) if name in self._rows}
        before = (time.time() - _SETTLED) * 1e9
        for number, row in answers.items():
            stamp = self._stamps.get(number)
            if stamp and isinstance(row, list) and stamp == _stamp(files[number][1]) and max(stamp[1:]) < before:
                rows[_name(*files[number])] = [stamp, row]
        if rows != self._rows:
            self._save(rows)

    def _load(self) -> dict[str, list[Any]]:
        try:
            document = json.loads(read_whole(self._file, _MOST))
            if document["of"] == _readers(self._circumstances):
                return {name: row for name, row in document["rows"].items() if len(row) == 2}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            pass
        return {}

    def _save(self, rows: Mapping[str, Any]) -> None:
        aside = self._file.with_name(f".{NAME}.{os.getpid()}")
        try:
            if not self._file.parent.is_dir():
                return
            aside.write_text(json.dumps({"of": _readers(self._circumstances), "rows": rows}), encoding="utf-8")
            aside.replace(self._file)
        except (OSError, ValueError):  # a read-only or full disk, a path that is no text
            try:
                aside.unlink(missing_ok=True)
            except OSError:
                return


def _stamp(path: str) -> Stamp:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return []
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _name(kind: str, path: str) -> str:
    return f"{kind} {path}"


def _is_sound(kind: str, row: object) -> bool:
    return (
        isinstance(row, list)
        and len(row) == _LENGTHS[kind]
        and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in row)
    )


def _readers(circumstances: str) -> str:
    import zlib

    check = 0
    for name in _READERS:
        check = zlib.crc32(read_whole(bundle_root() / "trainer" / name, _MOST), check)
    return f"{check:08x} {circumstances}"
