"""Finds known failures in a block of a log. Pure: bytes in, sightings out.

A large log is not read line by line. A few short literals (anchors) are searched in the whole block, which the C
library does at gigabytes a second; only lines that hold one are cleaned and tried, and each wording of them once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from . import clean
from .signatures import Knowledge, Signature

WINDOW = 4096
"""Bytes of a line looked at on each side of an anchor."""
_DIGITS = b"0123456789"
_STEP = re.compile(rb"(\d+)/(\d+) \[[\d:?]+<")
_BAR_REACH = 20_000


@dataclass(frozen=True, slots=True)
class Sighting:
    """One failure seen on one line. `offset` and `line` (from 0) are relative to the block."""

    signature: Signature
    offset: int
    line: int
    text: str
    rank: str


def search(block: bytes, knowledge: Knowledge) -> list[Sighting]:
    """Every failure in the block, in its order; a wording that comes again (other numbers) is given once a rank."""
    seen: set[bytes] = set()
    found: list[Sighting] = []
    for offset, line in candidates(block, knowledge.anchors):
        wording = line.translate(None, _DIGITS) if b"rank" not in line and b"default" not in line else line
        if wording in seen:
            continue
        seen.add(wording)
        for text in clean.segments(line):
            signature = recognise(text, knowledge)
            if signature:
                number = block.count(b"\n", 0, offset)
                found.append(Sighting(signature, offset, number, clean.bare(text)[:500], clean.rank_of(text)))
    return found


def recognise(text: str, knowledge: Knowledge) -> Signature | None:
    """The first signature that one line matches; specific ones stand before broad ones."""
    line = clean.bare(text)
    message = clean.message_of(line)
    return next((s for s in knowledge.signatures if s.matches(line, message)), None)


def candidates(block: bytes, anchors: tuple[bytes, ...]) -> Iterator[tuple[int, bytes]]:
    """The lines that hold an anchor, with their offsets, in order. A carriage return ends a line too."""
    view = block.replace(b"\r", b"\n") if b"\r" in block else block
    spans: set[tuple[int, int]] = set()
    for anchor in anchors:
        position = view.find(anchor)
        while position >= 0:
            start = view.rfind(b"\n", max(0, position - WINDOW), position) + 1 or max(0, position - WINDOW)
            end = view.find(b"\n", position, position + WINDOW)
            end = min(len(view), position + WINDOW) if end < 0 else end
            spans.add((start, end))
            position = view.find(anchor, max(end, position + len(anchor)))
    for start, end in sorted(spans):
        yield start, view[start:end]


def step_before(block: bytes, offset: int) -> tuple[int, int] | None:
    """(done, total) of the last progress bar before an offset, or None."""
    steps = _STEP.findall(block, max(0, offset - _BAR_REACH), offset)
    return (int(steps[-1][0]), int(steps[-1][1])) if steps else None
