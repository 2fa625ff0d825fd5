"""A run's metrics.jsonl as columns, read as it grows: only what is new is parsed."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from ..system.files import read_part

#: What is drawn and told of a step; the trainer's names.
COLUMNS = ("loss", "lr", "grad_norm", "seconds", "samples_per_second", "gpu_memory_gib")
_CHUNK = 1 << 20
SMOOTHING = 0.98
"""Weight of the past in the smoothed curve: an exponential mean over some fifty steps, begun without bias."""


@dataclass(slots=True)
class Metrics:
    """The steps so far, one entry a step in each column; None where a step says no number, inf and NaN as they are."""

    steps: list[int] = field(default_factory=list)
    columns: dict[str, list[float | None]] = field(default_factory=lambda: {name: [] for name in COLUMNS})

    def __len__(self) -> int:
        return len(self.steps)

    def add(self, row: dict[str, Any]) -> None:
        """One line of the file. A step that was taken again, by a run that was resumed, replaces what came after it."""
        step = row.get("step")
        if type(step) is not int or not 0 < step < 1 << 53:
            return
        while self.steps and self.steps[-1] >= step:
            self.steps.pop()
            for column in self.columns.values():
                column.pop()
        self.steps.append(step)
        for name, column in self.columns.items():
            column.append(_number(row.get(name)))

    def of(self, name: str) -> list[float | None]:
        """A column."""
        return self.columns[name]

    def known(self, name: str) -> list[float]:
        """The finite numbers of a column."""
        return [value for value in self.columns[name] if value is not None and math.isfinite(value)]

    def broken(self) -> list[int]:
        """Steps whose loss or gradient norm is not finite."""
        pairs = zip(self.steps, self.of("loss"), self.of("grad_norm"), strict=True)
        return [step for step, *values in pairs if any(v is not None and not math.isfinite(v) for v in values)]


class MetricsFile:
    """Follows a metrics.jsonl: `read` gives everything so far, and costs only what is new."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.metrics = Metrics()
        self._identity: tuple[int, int] | None = None
        self._position = 0
        self._rest = b""

    def read(self) -> Metrics:
        """The metrics up to now. A resumed run puts a shorter file in the place: it is read anew."""
        try:
            status = self.path.stat()
        except (OSError, ValueError):
            return self.metrics
        identity = (status.st_dev, status.st_ino)
        if identity != self._identity or status.st_size < self._position:
            self.metrics, self._position, self._rest = Metrics(), 0, b""
            self._identity = identity
        while self._position < status.st_size:
            try:
                chunk = read_part(self.path, _CHUNK, self._position)
            except OSError:
                break
            if not chunk:
                break
            self._position += len(chunk)
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            if len(self._rest) > _CHUNK:  # no line of ours is so long
                self._rest = b""
            for line in lines:
                if (row := _row(line)) is not None:
                    self.metrics.add(row)
        return self.metrics


def smoothed(values: list[float | None], weight: float = SMOOTHING) -> list[float | None]:
    """The exponential mean of the finite values so far, corrected for its start as Adam's is; None before any."""

    def step(state: tuple[float, float], value: float | None) -> tuple[float, float]:
        if value is None or not math.isfinite(value):
            return state
        return weight * state[0] + (1 - weight) * value, weight * state[1] + (1 - weight)

    states = accumulate(values, step, initial=(0.0, 0.0))
    next(states)
    return [total / share if share else None for total, share in states]


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _number(value: object) -> float | None:
    """A number, also where the trainer had to write "nan" or "inf" as text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
