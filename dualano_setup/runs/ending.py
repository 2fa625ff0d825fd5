"""Ends a run: asks for a checkpoint, waits, insists, kills; and says which of it worked."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from pathlib import Path

from ..language import _
from ..system.processes import Identity, any_lives, end_in_turn, is_alive, members, send, trainers
from .folder import RunFolder
from .records import RunRecord, StopRequest, write

CHECKPOINT_SECONDS = 300.0
"""A checkpoint of the full model on a slow disk is a matter of seconds, and the step at hand of a minute at most."""
INSIST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run was ended. `how`: the signal that worked, or "" when processes are still there."""

    how: str
    seconds: float
    checkpoint: str = ""  # written after the request

    def in_words(self) -> str:
        """One sentence for the person who asked."""
        if not self.how:
            return _("its processes do not end, not even when killed (stuck in the kernel?)")
        saved = _("wrote {checkpoint}", checkpoint=self.checkpoint) if self.checkpoint else _("wrote no checkpoint")
        return _("ended after {how}, in {seconds:.1f} s; {saved}", how=self.how, seconds=self.seconds, saved=saved)


def ask_to_end(run: RunFolder, by: str, *, now: bool = False) -> None:
    """Puts the wish on record, so that the end is known to have been wanted, whoever looks later."""
    write(StopRequest(by, time.time(), now), run.stop_file)


def end_run(run: RunFolder, record: RunRecord, *, patience: float) -> Ending:
    """SIGINT to the trainers, `patience` seconds for the checkpoint, then SIGTERM, then SIGKILL to all processes.

    With no patience it begins with SIGTERM to all of them.
    """
    began, wall = time.monotonic(), time.time()
    processes = run.processes()
    launcher = processes.launcher if processes else None
    steps = ((signal.SIGINT, patience), (signal.SIGTERM, INSIST_SECONDS), (signal.SIGKILL, INSIST_SECONDS))
    how = end_in_turn(
        (step for step in steps if step[1] > 0),
        lambda how: send(_targets(record, launcher, how), how),
        lambda: any_lives(record.key),
    )
    return Ending(how.name if how else "", time.monotonic() - began, newest_checkpoint(Path(record.output), wall - 1.0))


def newest_checkpoint(output: Path, since: float = 0.0) -> str:
    """The name of the checkpoint with the most steps that was written after `since` (seconds since the epoch)."""
    found = [
        (int(number), path.name)
        for path in (output.glob("checkpoint-*") if output.is_dir() else ())
        if (number := path.name.removeprefix("checkpoint-")).isdecimal() and path.is_dir()
        and path.stat().st_mtime >= since
    ]  # fmt: skip
    return max(found)[1] if found else ""


def wait_for_record(run: RunFolder, seconds: float = 10.0) -> None:
    """Gives the supervisor the moment it needs to write down what it saw; returns at once when there is none."""
    end = time.monotonic() + seconds
    processes = run.processes()
    while run.exit() is None and processes and is_alive(processes.supervisor) and time.monotonic() < end:
        time.sleep(0.02)


def _targets(record: RunRecord, launcher: Identity | None, how: signal.Signals) -> list[Identity]:
    return trainers(record.key, launcher) if how is signal.SIGINT else members(record.key)
