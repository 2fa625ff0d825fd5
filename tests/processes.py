"""Finds and ends what tests start, whatever session or parent it has by now."""

from __future__ import annotations

import psutil

#: In the environment of what a test starts, with a value of that test's own; children inherit it.
MARK = "DUALANO_TEST_MARK"
#: The same for everything that this process of tests starts. Without the prefix, since tests take those away.
MARK_OF_ALL = "TESTS_OF_DUALANO"
#: How long a process that is just ending is waited for, on a busy machine.
SECONDS_TO_END = 30.0
_SERVERS = ("multiprocessing", "forked_doctor")


def running(mark: str) -> list[str]:
    """The names of all living processes with that mark."""
    return [process.name() for process in psutil.process_iter() if _living_with(process, MARK) == mark]


def end_leftovers(mark_of_all: str) -> list[str]:
    """Kill what was started under that mark, or by this process, and still lives; returns their command lines.

    The servers that tests fork from end with this process.
    """
    ours = psutil.Process().children(recursive=True)
    marked = [process for process in psutil.process_iter() if _living_with(process, MARK_OF_ALL) == mark_of_all]
    lines = {process: _command_line(process) for process in {*ours, *marked}}
    started = [process for process, line in lines.items() if line and not any(name in line for name in _SERVERS)]
    _ended, left = psutil.wait_procs(started, timeout=SECONDS_TO_END)
    for process in left:
        process.kill()
    return [lines[process] for process in left]


def _command_line(process: psutil.Process) -> str:
    """Empty for one that has ended, a zombie included."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _living_with(process: psutil.Process, name: str) -> str:
    try:
        alive = process.status() != psutil.STATUS_ZOMBIE
        return process.environ().get(name, "") if alive else ""
    except psutil.Error:
        return ""
