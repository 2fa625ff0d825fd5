"""Finds known failures in a block of a log. Pure: bytes in, sightings out.

A large log is not read line by line. An automaton finds every signature's literals in one pass; of a block that holds
one, lines that differ only in their numbers (an error told a million times) are looked at once, and only those with a
literal are cleaned and tried.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

from ahocorasick_rs import BytesAhoCorasick

from . import clean
from .line_forms import Captured
from .signatures import Knowledge, Signature

WINDOW = 4096
"""Bytes of a line looked at on each side of a literal."""
MOST_LOOKED_AT = 1000
"""Lines of a block that are tried, after those alike are put together; real logs have a few."""
_DIGITS = b"0123456789"
_STEP = re.compile(rb"(?<!\d)(\d{1,18})/(\d{1,18}) \[[\d:?]+<")
_BAR_REACH = 20_000
_CAPTURED_REACH = 400
_OF_A_TEST = ("E   ", "FAILED ", "ERROR tests/")
"""What a test suite prints of errors that it provokes: they ended a test, not a run."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One failure in a block: the offsets of its first and last line, the first's number (from 0), on which ranks."""

    signature: Signature
    offset: int
    last_offset: int
    line: int
    text: str
    count: int
    ranks: tuple[str, ...]


def search(block: bytes, knowledge: Knowledge, before: bytes = b"") -> list[Sighting]:
    """Every failure in the block, in its order; wordings that differ only in numbers are one sighting.

    `before`: what stood before the block, for failures that depend on what they stand in.
    """
    view = block.replace(b"\r", b"\n") if b"\r" in block else block
    if not knowledge.finder.find_matches_as_indexes(view):
        return []
    lines = _Lines(block, view)
    found: list[Sighting] = []
    for start, end in _few(_lines_with(lines.text, knowledge.finder)):
        for said in clean.segments(lines.text[start:end]):
            signature = recognise(said, knowledge)
            if signature and signature.captured is not None:
                signature = recognise(said, knowledge, captured=lines.captured(start, before))
            if signature:
                found.append(lines.sighting(signature, said, start))
    return found


class _Lines:
    """A block's lines, those that differ only in their numbers together. `text`: the first of each, joined."""

    def __init__(self, block: bytes, view: bytes) -> None:
        self._block, self._lines = block, view.split(b"\n")
        self._keys = view.translate(None, _DIGITS).split(b"\n")
        alike: dict[bytes, list[int]] = {}
        for number, key in enumerate(self._keys):
            alike.setdefault(key, []).append(number)
        self._groups = list(alike.values())
        distinct = [self._lines[group[0]] for group in self._groups]
        self.text = b"\n".join(distinct)
        self._starts, self._offsets = _starts(distinct), _starts(self._lines)
        self._counted = (0, 0)

    def sighting(self, signature: Signature, said: str, start: int) -> Sighting:
        """The sighting at `start` of `text`, and on all lines like it. To be asked for in the order of `text`."""
        place = bisect_right(self._starts, start) - 1
        group, within = self._groups[place], start - self._starts[place]
        offset, last = (self._offsets[number] + within for number in (group[0], group[-1]))
        ranks = (clean.rank_of(self._lines[number][:100].decode("utf-8", "replace")) for number in group)
        return Sighting(
            signature,
            offset,
            last,
            self._line_at(offset),
            clean.bare(said)[:500],
            len(group),
            tuple(dict.fromkeys(rank for rank in ranks if rank)),
        )

    def captured(self, start: int, before: bytes) -> bool:
        """Whether the line at `start` of `text`, where it stands first, is part of what an installer captured."""
        place = bisect_right(self._starts, start) - 1
        number = self._groups[place][0]
        follow, held = Captured(), False
        above = [*before.split(b"\n")[:-1], *self._lines[:number]] if number < _CAPTURED_REACH else self._lines[:number]
        for line in [*above[-_CAPTURED_REACH:], self._lines[number]]:
            held = follow.holds(line[:WINDOW].decode("utf-8", "replace"))
        return held

    def _line_at(self, offset: int) -> int:
        """The number of the line, from 0; only what lies behind the last one asked for is counted."""
        before, lines = self._counted
        lines += self._block.count(b"\n", before, offset)
        self._counted = (offset, lines)
        return lines


def recognise(text: str, knowledge: Knowledge, *, captured: bool | None = None) -> Signature | None:
    """The first signature that one line matches; specific ones stand before broad ones. pytest's own lines are none.

    `captured`: whether the line stands in an installer's captured output; None leaves that out of account.
    """
    line = clean.bare(text)
    if line.startswith(_OF_A_TEST):
        return None
    message = clean.message_of(line)
    rows = (s for s in knowledge.signatures if captured is None or s.captured in (None, captured))
    return next((s for s in rows if s.matches(line, message)), None)


def _lines_with(text: bytes, finder: BytesAhoCorasick) -> list[tuple[int, int]]:
    """Where the lines are that hold a literal, in order; of a very long line, what stands around one."""
    spans: list[tuple[int, int]] = []
    seen = 0
    for _literal, position, after in finder.find_matches_as_indexes(text):
        if after <= seen:
            continue
        start = text.rfind(b"\n", max(0, position - WINDOW), position) + 1 or max(0, position - WINDOW)
        end = text.find(b"\n", position, position + WINDOW)
        seen = min(len(text), position + WINDOW) if end < 0 else end
        spans.append((start, seen))
    return spans


def _few(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """At most MOST_LOOKED_AT of them, the first and the last: a log made to be slow must not be."""
    half = MOST_LOOKED_AT // 2
    return spans if len(spans) <= MOST_LOOKED_AT else [*spans[:half], *spans[-half:]]


def _starts(parts: list[bytes]) -> list[int]:
    """Where each part begins once they are joined with line ends."""
    return [0, *accumulate(map((1).__add__, map(len, parts)))]


def step_before(block: bytes, offset: int) -> tuple[int, int] | None:
    """(done, total) of the last progress bar before an offset, or None."""
    steps = _STEP.findall(block, max(0, offset - _BAR_REACH), offset)
    return (int(steps[-1][0]), int(steps[-1][1])) if steps else None
