"""SIGINT, SIGTERM and a closed terminal end a run after its step, with a checkpoint; insisting ends it at once.

So do SIGUSR1 and SIGUSR2, by which batch systems warn a job before its time is up (Slurm's `--signal=USR1@300`); they
only warn, so that one more of them insists on nothing. A warning during the start is kept for the first step.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType

#: A terminal and a launcher both pass a Ctrl-C on; signals this close together are one wish.
ONE_WISH_SECONDS = 5.0
_WARNINGS = (signal.SIGUSR1, signal.SIGUSR2)
_early: list[int] = []


@contextlib.contextmanager
def warnings_kept() -> Iterator[None]:
    """Inside, a batch system's warning ends nothing: `Interrupt` finds it once there is something to save."""
    _early.clear()
    old = {number: signal.signal(number, lambda number, _frame: _early.append(number)) for number in _WARNINGS}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


class Interrupt:
    """Remembers the first signal; use as a context manager around the training loop.

    Attributes:
        received: the signal's number, or 0.
    """

    def __init__(self) -> None:
        self.received = 0
        self._since = 0.0
        self._old: dict[int, object] = {}

    def __enter__(self) -> Interrupt:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, *_WARNINGS):
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # started by nohup: it is to outlive the terminal
            self._old[number] = signal.signal(number, self._receive)
        if _early:
            self._receive(_early[0], None)
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self.received:
            if number not in _WARNINGS and time.monotonic() - self._since > ONE_WISH_SECONDS:
                os._exit(128 + number)
            return
        self.received, self._since = number, time.monotonic()
        name = signal.Signals(number).name
        # Not print: a handler may run inside a write to the same stream. Its reader may have gone (`| tee log`).
        with contextlib.suppress(OSError, ValueError):
            os.write(sys.stderr.fileno(), f"\n{name}: writing a checkpoint, then ending.\n".encode())
