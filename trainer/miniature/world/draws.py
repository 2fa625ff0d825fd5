"""Random numbers that no version of NumPy changes: PCG64's raw stream, turned into what drawing needs by hand."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]
Item = TypeVar("Item")

_BLOCK = 64
_STEP = 2.0**-53


class Draws:
    """One stream of random numbers.

    Args:
        seed: any whole numbers of 0 or more, and texts; the same ones give the same stream.
    """

    def __init__(self, *seed: int | str) -> None:
        words = [zlib.crc32(word.encode()) if isinstance(word, str) else word for word in seed]
        self._bits = np.random.PCG64(np.random.SeedSequence(words))
        self._left: list[int] = []

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number from `low` up to `high`."""
        return low + (high - low) * ((self._raw() >> 11) * _STEP)

    def integer(self, count: int) -> int:
        """0 to `count` - 1; the bias of 2^-64 does not show."""
        return self._raw() % count

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + self.integer(high - low + 1)

    def chance(self, share: float) -> bool:
        """True in that share of the cases."""
        return self.uniform() < share

    def choice(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[self.integer(len(items))]

    def direction(self) -> tuple[float, float]:
        """A unit vector; found by rejection, so that no sine is needed."""
        while True:
            x, y = self.uniform(-1, 1), self.uniform(-1, 1)
            square = x * x + y * y
            if 0.01 < square < 1:
                length = math.sqrt(square)
                return x / length, y / length

    def field(self, rows: int, columns: int) -> Field:
        """Independent numbers from -1 to 1: (rows, columns) float32."""
        raw = np.asarray(self._bits.random_raw(rows * columns), np.uint64) >> np.uint64(40)
        return (raw.astype(np.float32) * np.float32(2.0**-23) - np.float32(1)).reshape(rows, columns)

    def _raw(self) -> int:
        if not self._left:
            self._left = [int(value) for value in self._bits.random_raw(_BLOCK)]
        return self._left.pop()
