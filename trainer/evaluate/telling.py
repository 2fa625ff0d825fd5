"""What is told on stderr while an evaluation runs."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from .tasks.training import Progress


@dataclass(slots=True)
class Teller:
    """Says on stderr how far a job is: one line that is written over at a terminal, else about ten lines."""

    heading: str
    began: float
    _told: int = -1

    def progress(self, now: Progress) -> None:
        """An epoch has ended."""
        left = (time.monotonic() - self.began) / now.epoch * (now.epochs - now.epoch)
        self.line(f": epoch {now.epoch}/{now.epochs}, loss {now.loss:.4f}, {clock(left)} left", now)

    def line(self, text: str, now: Progress | None = None) -> None:
        """Say it, if it is time."""
        last = now is None or now.epoch == now.epochs
        if sys.stderr.isatty():
            print(f"\r{self.heading}{text}\x1b[K", end="\n" if last else "", file=sys.stderr, flush=True)
            return
        tenth = 10 if now is None else 10 * now.epoch // now.epochs
        if tenth > self._told or last:
            self._told = tenth
            print(f"{self.heading}{text}", file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """Hours, minutes and seconds."""
    whole = round(seconds)
    minutes = f"{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 3600}:{minutes}" if whole >= 3600 else minutes
