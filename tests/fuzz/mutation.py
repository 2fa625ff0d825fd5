"""Inputs made from seeds: a few random edits of bytes, words of the format put in, pieces of other seeds spliced."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

CORPUS = Path(__file__).with_name("corpus")
MAX_BYTES = 20_000


def seeds(target: str) -> list[bytes]:
    """The kept inputs of a target, in the order of their names: starting points, and every input that once failed."""
    return [file.read_bytes() for file in sorted((CORPUS / target).iterdir())]


def mutated(chance: random.Random, inputs: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """One input after one to eight edits, at most MAX_BYTES long."""
    data = bytearray(chance.choice(inputs))
    for _ in range(chance.randint(1, 8)):
        at = chance.randint(0, len(data))
        end = min(len(data), at + chance.choice((0, 1, 1, 2, 4, 16, 200)))
        match chance.randrange(6):
            case 0:
                data[at:end] = bytes([chance.randrange(256)])
            case 1:
                del data[at:end]
            case 2:
                data[at:end] = chance.choice(words)
            case 3:
                data[at:at] = data[at:end] * chance.choice((1, 2, 50))
            case 4:
                other = chance.choice(inputs)
                start = chance.randint(0, len(other))
                data[at:end] = other[start : start + chance.choice((1, 8, 64, 500))]
            case _:
                data[at:at] = chance.choice(words)
    return bytes(data[:MAX_BYTES])
