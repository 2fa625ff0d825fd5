"""Finds known failures in a block of a log. Pure: bytes in, sightings out.

A large log is not read line by line. Lines that differ only in their numbers (a progress bar redrawn a million times)
are looked at once. In what remains a few short literals (anchors) are searched, which the C library does at gigabytes
a second; the lines that hold one are searched for each signature's own literals; only what is left is cleaned and
tried.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from . import clean
from .signatures import Knowledge, Signature

WINDOW = 4096
"""Bytes of a line looked at on each side of an anchor."""
_DIGITS = b"0123456789"
_STEP = re.compile(rb"(?<!\d)(\d{1,18})/(\d{1,18}) \[[\d:?]+<")
_BAR_REACH = 20_000
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


def search(block: bytes, knowledge: Knowledge) -> list[Sighting]:
    """Every failure in the block, in its order; wordings that differ only in numbers are one sighting."""
    view = block.replace(b"\r", b"\n") if b"\r" in block else block
    lines, keys = view.split(b"\n"), view.translate(None, _DIGITS).split(b"\n")
    first = sorted(dict(zip(reversed(keys), range(len(keys) - 1, -1, -1), strict=True)).values())
    distinct = [lines[index] for index in first] if len(first) < len(lines) else lines
    text = view if distinct is lines else b"\n".join(distinct)
    windows = _candidates(text, knowledge)
    if not windows:
        return []
    starts = _starts(distinct)
    found: list[Sighting] = []
    for offset, window in windows:
        place = bisect_right(starts, offset) - 1
        for said in clean.segments(window):
            signature = recognise(said, knowledge)
            if signature:
                found.append(_sighting(signature, said, block, lines, keys, first[place], offset - starts[place]))
    return found


def recognise(text: str, knowledge: Knowledge) -> Signature | None:
    """The first signature that one line matches; specific ones stand before broad ones. pytest's own lines are none."""
    line = clean.bare(text)
    if line.startswith(_OF_A_TEST):
        return None
    message = clean.message_of(line)
    return next((s for s in knowledge.signatures if s.matches(line, message)), None)


def _candidates(text: bytes, knowledge: Knowledge) -> list[tuple[int, bytes]]:
    """The lines that hold a literal of some signature, with their offsets, in order."""
    rough = _lines_with(text, knowledge.anchors)
    near = [text[start:end] for start, end in rough]
    starts = _starts(near)
    found = []
    for start, end in _lines_with(b"\n".join(near), knowledge.literals):
        place = bisect_right(starts, start) - 1
        offset = rough[place][0] + start - starts[place]
        found.append((offset, text[offset : offset + end - start]))
    return found


def _lines_with(text: bytes, literals: Iterable[bytes]) -> list[tuple[int, int]]:
    """Where the lines are that hold one of the literals, in order; of a very long line, what stands around one."""
    spans: set[tuple[int, int]] = set()
    for literal in literals:
        position = text.find(literal)
        while position >= 0:
            start = text.rfind(b"\n", max(0, position - WINDOW), position) + 1 or max(0, position - WINDOW)
            end = text.find(b"\n", position, position + WINDOW)
            end = min(len(text), position + WINDOW) if end < 0 else end
            spans.add((start, end))
            position = text.find(literal, max(end, position + len(literal)))
    return sorted(spans)


def _starts(parts: list[bytes]) -> list[int]:
    """Where each part begins once they are joined with line ends."""
    return [0, *accumulate(map((1).__add__, map(len, parts)))]


def _sighting(
    signature: Signature, text: str, block: bytes, lines: list[bytes], keys: list[bytes], index: int, within: int
) -> Sighting:
    """The sighting on a line and on all that differ from it only in numbers. `within`: where in a long line it is."""
    alike = [number for number, key in enumerate(keys) if key == keys[index]]
    offset, last = (sum(map(len, lines[:number])) + number + within for number in (index, alike[-1]))
    ranks = (clean.rank_of(lines[number][:100].decode("utf-8", "replace")) for number in alike)
    return Sighting(
        signature,
        offset,
        last,
        block.count(b"\n", 0, offset),
        clean.bare(text)[:500],
        len(alike),
        tuple(dict.fromkeys(rank for rank in ranks if rank)),
    )


def step_before(block: bytes, offset: int) -> tuple[int, int] | None:
    """(done, total) of the last progress bar before an offset, or None."""
    steps = _STEP.findall(block, max(0, offset - _BAR_REACH), offset)
    return (int(steps[-1][0]), int(steps[-1][1])) if steps else None
