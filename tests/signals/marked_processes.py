"""Finds all that descends from a process a test started, whatever session or parent it has by now."""

from __future__ import annotations

import psutil

#: In the environment of what a test starts, with a value of that test's own; children inherit it.
MARK = "DUALANO_TEST_MARK"


def running(mark: str) -> list[str]:
    """The names of all living processes with that mark."""
    return [process.name() for process in psutil.process_iter() if _mark(process) == mark]


def _mark(process: psutil.Process) -> str:
    try:
        alive = process.status() != psutil.STATUS_ZOMBIE
        return process.environ().get(MARK, "") if alive else ""
    except psutil.Error:
        return ""
