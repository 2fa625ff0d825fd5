"""Starting a program that only looks, with a deadline that holds even when the program cannot be ended."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..language import N_, _
from ..light_dataclasses import dataclass

if TYPE_CHECKING:
    import subprocess

_GRACE = 0.2  # seconds given to a killed child; one stuck in the kernel does not take the signal, and is left behind
_MAX_OUTPUT = 1 << 20  # bytes of each stream; nvidia-smi's longest answer is a few thousand

# What would run other code in a child: it is dropped for programs that only look.
_DROPPED = ("LD_PRELOAD", "LD_AUDIT", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONPATH", "PYTHONHOME")

_LATE = N_("no answer within {deadline:g} s")
_ENDLESS = N_("it printed more than {limit} bytes")
_LINGERS = N_("it closed its output and did not end")

_living: set[int] = set()  # leaders of the groups that are being waited for, in whichever thread


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended. `status` is None when it did not end in time; `error` says why it did not start."""

    status: int | None
    output: str = ""
    error: str = ""
    timed_out: bool = False


def run(command: Sequence[str], *, deadline: float, variables: Mapping[str, str], most: int = _MAX_OUTPUT) -> Outcome:
    """Run `command` for at most `deadline` seconds, in its own process group, with nothing to read.

    Never raises for what the command does. Output that is not UTF-8 is kept with replacement characters, and ends the
    command when it is longer than any answer (`most` bytes); the locale is set to C, so that the words are
    those we know.
    """
    import subprocess  # 11 ms to import: only a machine that has something to start pays it

    kept = {name: value for name, value in variables.items() if name not in _DROPPED}
    try:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={**kept, "LC_ALL": "C"},
        )
    except (OSError, ValueError) as error:
        return Outcome(None, error=_("{command} cannot be started: {error}", command=command[0], error=error))
    _living.add(child.pid)
    try:
        output, errors, problem = _listen(child, time.monotonic() + deadline, most)
        if problem or not _ended_within(child, _GRACE):
            _end(child.pid)
            # One that is stuck in the kernel is abandoned; it ends when the kernel lets it.
            _ended_within(child, _GRACE)
            return Outcome(
                None, timed_out=problem == _LATE, error=_(problem or _LINGERS, deadline=deadline, limit=most)
            )
    finally:
        _living.discard(child.pid)
    return Outcome(child.returncode, _text(output), _text(errors))


def end_all() -> None:
    """Ends every command that some thread still waits for: this program is about to end."""
    for pid in tuple(_living):
        _end(pid)


def _listen(child: subprocess.Popen[bytes], end: float, most: int) -> tuple[bytes, bytes, str]:
    """What the child printed on both streams until it closed them, and why it must be ended ("" when it need not)."""
    assert child.stdout is not None
    assert child.stderr is not None
    heard = {child.stdout.fileno(): bytearray(), child.stderr.fileno(): bytearray()}
    output, errors = heard.values()
    waiting = select.poll()  # not select(): it knows no handle above 1023
    for handle in heard:
        waiting.register(handle, select.POLLIN)
    problem = ""
    with child.stdout, child.stderr:
        open_ends = len(heard)
        while open_ends and not problem:
            ready = waiting.poll(max(0.0, end - time.monotonic()) * 1000)
            if not ready:
                problem = _LATE
            for handle, _event in ready:
                piece = os.read(handle, 1 << 16)
                heard[handle] += piece
                if not piece:
                    waiting.unregister(handle)
                    open_ends -= 1
                elif len(heard[handle]) > most:
                    problem = _ENDLESS
    return bytes(output), bytes(errors), problem


def _ended_within(child: subprocess.Popen[bytes], seconds: float) -> bool:
    import subprocess

    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
