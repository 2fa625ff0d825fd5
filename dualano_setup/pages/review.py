"""What a person decides about generated pairs, kept in their manifest: each decision whole on the disk, or not at all.

A record's `review` wins over what was measured: `verdict` "accepted", "rejected" or None, and `mask`, a mask painted by
hand below `review/`. Nothing is overwritten, so that every decision can be taken back: `review/history.json` keeps what
stood before.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import WorkError
from ..facts.project.image_header import read_image
from ..language import _
from ..system.atomic import sync_folder, write_synced
from ..system.files import read_whole
from .pairs import IMAGE, MANIFEST, MASK, Pair, parse, read_pairs
from .source import json_at

FOLDER, HISTORY = "review", "history.json"
_LOCK = ".training-lock"  # the trainer's own, which `generate` holds
_WAIT_SECONDS = 3.0
_MAX_MANIFEST = 256 << 20
_MAX_SIDE = 8192
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF, errno.EPERM)


@dataclass(frozen=True, slots=True)
class Painted:
    """A mask as it comes from the page: one bit a pixel (1 = anomaly), each row filled up to whole bytes."""

    width: int
    height: int
    bits: bytes

    @property
    def stride(self) -> int:
        """Bytes of a row."""
        return (self.width + 7) // 8


class Review:
    """The decisions on the pairs of one folder. Every method raises WorkError where the disk, or a person, says no."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def pairs(self) -> list[Pair]:
        """The pairs as they are now."""
        return read_pairs(self.folder)

    def decide(self, index: int, verdict: str) -> None:
        """Accepts or rejects a pair. A pair can be accepted only with a mask, where its folder has masks."""
        with self._held():
            pair = self._pair(index)
            if verdict == "accepted" and not pair.files(self.folder)[MASK].is_file() and self._has_masks():
                raise WorkError(_("{pair} has no mask: paint one first (m), then accept it", pair=pair.stem))
            self._change(index, {**pair.review, "verdict": verdict})

    def paint(self, index: int, painted: Painted) -> None:
        """Gives a pair a mask painted by hand."""
        with self._held():
            pair = self._pair(index)
            image = read_image(pair.files(self.folder)[IMAGE])
            if (image.width, image.height) != (painted.width, painted.height):
                raise WorkError(
                    _(
                        "the mask is {width} x {height} pixels, its image {wide} x {high}",
                        width=painted.width, height=painted.height, wide=image.width, high=image.height,
                    )
                )  # fmt: skip
            if len(painted.bits) != painted.stride * painted.height:
                raise WorkError(_("the mask came incomplete; nothing was written"))
            levels = _levels(painted)
            if not any(levels):
                raise WorkError(_("the mask is empty: reject the pair instead (r)"))
            name = f"{FOLDER}/{index}-{self._next_number(index)}.png"
            target = self.folder / name
            target.parent.mkdir(exist_ok=True)
            _write(target, png(painted.width, painted.height, levels))
            share = levels.count(255) / len(levels)
            self._change(index, {**pair.review, "mask": name, "mask_area": round(share, 6)})

    def undo(self) -> int | None:
        """Takes the last decision back; the pair's index, None where there is none left."""
        with self._held():
            history = self._history()
            if not history:
                return None
            last = history.pop()
            self._rewrite(last["index"], last["before"])
            self._keep(history)
            return int(last["index"])

    def decisions(self) -> int:
        """How many can be taken back."""
        return len(self._history())

    def _pair(self, index: int) -> Pair:
        found = next((pair for pair in self.pairs() if pair.index == index), None)
        if found is None:
            raise WorkError(_("there is no pair {index} in {folder}", index=index, folder=self.folder))
        return found

    def _has_masks(self) -> bool:
        return any(pair.mask_area is not None for pair in self.pairs())

    def _change(self, index: int, review: dict[str, Any]) -> None:
        """History first: where a crash lies between the two, taking back changes nothing."""
        before = self._pair(index).review or None
        review = {"verdict": None, "mask": None, **review, "at": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
        self._keep([*self._history(), {"index": index, "before": before, "after": review}])
        self._rewrite(index, review)

    def _rewrite(self, index: int, review: dict[str, Any] | None) -> None:
        """Puts the review into the pair's line; every other byte stays as it is."""
        path = self.folder / MANIFEST
        try:
            lines = read_whole(path, _MAX_MANIFEST).split(b"\n")
            _write(path, b"\n".join(_reviewed(line, index, review) for line in lines))
        except OSError as error:
            raise WorkError(
                _("{path} cannot be written ({error}); nothing was decided", path=path, error=error.strerror or error)
            ) from error

    def _history(self) -> list[dict[str, Any]]:
        rows = json_at(self.folder / FOLDER / HISTORY)
        return [row for row in rows if isinstance(row, dict) and type(row.get("index")) is int and "before" in row] if (
            isinstance(rows, list)) else []  # fmt: skip

    def _keep(self, history: list[dict[str, Any]]) -> None:
        folder = self.folder / FOLDER
        try:
            folder.mkdir(exist_ok=True)
            _write(folder / HISTORY, json.dumps(history, indent=1).encode())
        except OSError as error:
            raise WorkError(
                _("{path} cannot be written ({error}); nothing was decided", path=folder, error=error.strerror or error)
            ) from error

    def _next_number(self, index: int) -> int:
        taken = [path.stem.partition("-")[2] for path in (self.folder / FOLDER).glob(f"{index}-*.png")]
        return 1 + max((int(number) for number in taken if number.isdecimal()), default=0)

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        """The folder is this process's for a moment: `generate` appends to the manifest, and would lose lines."""
        try:
            handle = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise WorkError(
                _("{folder} cannot be written into ({error})", folder=self.folder, error=error.strerror)
            ) from error
        try:
            _lock(handle)
            yield
        finally:
            os.close(handle)


def png(width: int, height: int, levels: bytes) -> bytes:
    """An 8-bit grey PNG of these rows (ISO/IEC 15948)."""
    rows = b"".join(b"\0" + levels[y * width : (y + 1) * width] for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    parts = (struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
             for kind, data in chunks)  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


_SPREAD = [bytes(255 * (byte >> (7 - bit) & 1) for bit in range(8)) for byte in range(256)]


def _levels(painted: Painted) -> bytes:
    """The pixels as bytes, 0 and 255."""
    if not (0 < painted.width <= _MAX_SIDE and 0 < painted.height <= _MAX_SIDE):
        raise WorkError(_("the mask came incomplete; nothing was written"))
    rows = (painted.bits[y * painted.stride : (y + 1) * painted.stride] for y in range(painted.height))
    return b"".join(b"".join(_SPREAD[byte] for byte in row)[: painted.width] for row in rows)


def _reviewed(line: bytes, index: int, review: dict[str, Any] | None) -> bytes:
    pair = parse(line.decode("utf-8", "replace"))
    if pair is None or pair.index != index:
        return line
    row = {key: value for key, value in pair.row.items() if key != "review"}
    return json.dumps(row | ({"review": review} if review else {})).encode()


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    write_synced(temporary, data, 0o644)
    temporary.replace(path)
    sync_folder(path.parent)


def _lock(handle: int) -> None:
    """Waits a moment for whoever has it. A file system without locks is trusted."""
    end = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES) or time.monotonic() > end:
                raise WorkError(
                    _("pairs are being generated into this folder now; decide once that has ended")
                ) from error
        time.sleep(0.05)
