"""Starting a program that only looks, with a deadline that holds even when the program cannot be ended."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping, Sequence

from ..light_dataclasses import dataclass

_GRACE = 0.2  # seconds given to a killed child; one stuck in the kernel does not take the signal, and is left behind
_MAX_OUTPUT = 1 << 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended. `status` is None when it did not end in time; `error` says why it did not start."""

    status: int | None
    output: str = ""
    error: str = ""
    timed_out: bool = False


def run(command: Sequence[str], *, deadline: float, variables: Mapping[str, str]) -> Outcome:
    """Run `command` for at most `deadline` seconds, in its own process group, with nothing to read.

    Never raises for what the command does. Output that is not UTF-8 is kept with replacement characters; the locale
    is set to C, so that the words are the ones we know.
    """
    import subprocess  # 11 ms to import: only a machine that has something to start pays it

    try:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={**variables, "LC_ALL": "C"},
        )
    except (OSError, ValueError) as error:
        return Outcome(None, error=f"{command[0]} cannot be started: {error}")
    try:
        output, errors = child.communicate(timeout=deadline)
    except subprocess.TimeoutExpired:
        _end(child.pid)
        # One that is stuck in the kernel is abandoned; it ends when the kernel lets it.
        with contextlib.suppress(subprocess.TimeoutExpired, OSError, ValueError):
            child.communicate(timeout=_GRACE)
        return Outcome(None, timed_out=True, error=f"no answer within {deadline:g} s")
    return Outcome(child.returncode, _text(output), _text(errors))


def _end(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _text(data: bytes) -> str:
    return data[:_MAX_OUTPUT].decode("utf-8", "replace")
