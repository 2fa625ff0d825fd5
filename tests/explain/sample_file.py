"""Reads samples.txt and general_samples.txt: one log and one near miss for every failure."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent


class Sample(NamedTuple):
    id: str
    log: bytes
    near: bytes


def samples(file="samples.txt"):
    """All samples, the stand-ins for control characters replaced by the characters."""
    text = (FOLDER / file).read_text(encoding="utf-8").replace("␛", "\x1b").replace("␍", "\r")
    found = []
    for part in text.split("\n=== ")[1:]:
        name, rest = part.split("\n", 1)
        log, near = rest.split("\n--- near\n")
        found.append(Sample(name, log.encode(), near.strip("\n").encode()))
    return found
