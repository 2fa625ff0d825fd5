"""Reads a log of any size in bounded memory: files, pipes and standard input; UTF-8 or what PowerShell writes."""

from __future__ import annotations

import codecs
import os
import select
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UsageError
from ..language import _
from . import clean, general, match
from .ending import read_ending
from .order import End, Explanation, Seen, explain
from .signatures import Knowledge, load

BLOCK = 1 << 22
OVERLAP = 2 * match.WINDOW
"""Bytes carried into the next block when a line is longer than that: no wording is lost at the seam."""
TAIL = 256_000
_BEFORE = 32_000
WRITER_SECONDS = 10.0
_TRACEBACK = b"Traceback (most recent call last)"


@dataclass(slots=True)
class Scanner:
    """Takes a log block by block and keeps only what was seen, and the log's end for an error that nobody knows."""

    knowledge: Knowledge = field(default_factory=load)
    size: int = 0
    lines: int = 0
    seen: dict[str, Seen] = field(default_factory=dict)
    interrupted: bool = False
    _rest: bytes = b""
    _looked_at: int = 0
    _tail: bytes = b""
    _traceback: bytes = b""

    def feed(self, data: bytes, *, last: bool = False) -> None:
        """The next bytes, as UTF-8. The unfinished line at their end waits for the next ones, unless `last`."""
        self.size += len(data)
        block = clean.without_escapes(self._rest + data)
        cut = len(block) if last else max(block.rfind(b"\n"), block.rfind(b"\r")) + 1
        if not last and len(block) - cut > OVERLAP:
            cut = len(block) - OVERLAP
        self._rest = block[cut:]
        self._look(block[:cut])
        self.lines += block.count(b"\n", 0, cut)

    def finish(self) -> Explanation:
        """What the whole log says."""
        self.feed(b"", last=True)
        last_step = match.step_before(self._tail, len(self._tail))
        unfinished = bool(self._tail) and not self._tail.endswith(b"\n")
        return explain(list(self.seen.values()), self._end(), last_step, self.lines + unfinished, self.size)

    def _end(self) -> End:
        from .last_error import seen_error

        ending = read_ending(self._tail, general.load())
        before = self._looked_at - len(self._tail)
        if ending.well_from is not None:
            return End((), None, before + ending.well_from)
        if ending.kind is None:
            said = (seen_error(part.decode("utf-8", "replace")) for part in (self._tail, self._traceback))
            return End(next(filter(None, said), ()))
        line = self.lines + 1 - self._tail.count(b"\n", ending.offset)
        return End(ending.shown, Seen(ending.kind.signature, line, ending.text, 1, ()))

    def _look(self, block: bytes) -> None:
        for sighting in match.search(block, self.knowledge, self._tail[-_BEFORE:]):
            name = sighting.signature.id
            step = match.step_before(block, sighting.last_offset)
            known = self.seen.get(name)
            if known is None:
                line = self.lines + sighting.line + 1
                last = self._looked_at + sighting.last_offset
                self.seen[name] = Seen(
                    sighting.signature, line, sighting.text, sighting.count, sighting.ranks, step, last
                )
                continue
            known.count += sighting.count
            known.step, known.last = step, self._looked_at + sighting.last_offset
            known.ranks = tuple(dict.fromkeys(known.ranks + sighting.ranks))
        found = block.rfind(_TRACEBACK)
        if found >= 0:
            self._traceback = block[max(0, found - 200) : found + TAIL]
        self._tail = (self._tail + block[-TAIL:])[-TAIL:]
        self._looked_at += len(block)


def explain_bytes(data: bytes) -> Explanation:
    """The explanation of a log that is already in memory."""
    return explain_blocks(decoded(iter((data,))))


def explain_blocks(blocks: Iterable[bytes], scanner: Scanner | None = None) -> Explanation:
    """The explanation of a log that comes in blocks of UTF-8. A Ctrl-C ends the reading: what was read is explained."""
    scanner = scanner or Scanner()
    try:
        for block in blocks:
            scanner.feed(block)
    except KeyboardInterrupt:
        scanner.interrupted = True
    return scanner.finish()


def decoded(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks as UTF-8: PowerShell's `>` writes UTF-16."""
    first = next(blocks, b"")
    names = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
    encoding = names.get(first[:2])
    if encoding is None:
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    yield decoder.decode(first[2:]).encode("utf-8", "replace")
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "replace")


def blocks_of(descriptor: int) -> Iterator[bytes]:
    """What a descriptor gives until its end, at most BLOCK bytes at a time; closes nothing."""
    while block := os.read(descriptor, BLOCK):
        yield block


def open_log(path: Path) -> int:
    """A descriptor of a log that can be read. Raises UsageError for what is no log, saying what it is."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UsageError(_("{path} is a folder; expected a log file, or - for standard input", path=path))
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
            raise UsageError(_("{path} is a device or socket; expected a log file, or - for input", path=path))
        if stat.S_ISFIFO(mode):
            return _open_pipe(path)
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(_("{path} cannot be read: {reason}", path=path, reason=reason)) from error
    if os.pread(descriptor, 2, 0) == b"\x1f\x8b":
        os.close(descriptor)
        raise UsageError(
            _("{path} is compressed; unpack it on the way: zcat {path} | dualano-doctor explain -", path=path)
        )
    return descriptor


def _open_pipe(path: Path) -> int:
    """A named pipe, once somebody writes into it: opening one without a writer would wait for ever."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP)
    if not poll.poll(WRITER_SECONDS * 1000):
        os.close(descriptor)
        raise UsageError(_("nobody wrote into the pipe {path} for {seconds} s", path=path, seconds=int(WRITER_SECONDS)))
    os.set_blocking(descriptor, True)
    return descriptor
