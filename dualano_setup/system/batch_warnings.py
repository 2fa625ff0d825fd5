"""SIGUSR1 and SIGUSR2, by which a batch system warns a job before its time is up, end nothing while a run is seen to.

They may reach every process of the job or the first one alone (Slurm's `--signal=USR1@300` and `--signal=B:USR1@300`):
so each of ours outlives them and passes them on, and the trainer writes its checkpoint.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WARNINGS = (signal.SIGUSR1, signal.SIGUSR2)
_heard: list[int] = []


def _remember(number: int) -> None:
    _heard.append(number)


@contextmanager
def warnings_heeded(pass_on: Callable[[int], None] = _remember) -> Iterator[None]:
    """Inside, each warning goes to `pass_on`, and so do those that an outer one of these had only remembered.

    In threads other than the main one it does nothing, since they receive no signals.
    """
    try:
        old = {number: signal.signal(number, lambda number, _frame: pass_on(number)) for number in WARNINGS}
    except ValueError:
        yield
        return
    waiting = _heard.copy()
    _heard.clear()
    try:
        for number in waiting:
            pass_on(number)
        yield
    finally:
        for number, previous in old.items():
            signal.signal(number, previous)


def ignore_warnings() -> None:
    """For a child between fork and exec: `exec` hands an ignored signal down, and a trainer's handler ends that."""
    for number in WARNINGS:
        signal.signal(number, signal.SIG_IGN)
