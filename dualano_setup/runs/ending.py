"""Ends a run: asks for a checkpoint, waits, insists, kills; and says which of it worked."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from pathlib import Path

from ..language import _
from ..system.files import read_part
from ..system.processes import any_lives, end_in_turn, gone_within, is_alive, members, send, trainers
from .folder import RunFolder
from .progress import read_progress
from .records import RunRecord, StopRequest, write

CHECKPOINT_SECONDS = 300.0
"""A checkpoint of the full model on a slow disk is a matter of seconds, and the step at hand of a minute at most."""
INSIST_SECONDS = 10.0
REPEAT_SECONDS = 1.0
"""Between two asks. One can be lost on a program that is only loading: Python drops it inside some callbacks."""
HEARD = "writing a checkpoint, then ending"
"""What the bundled trainer prints of a request once it can follow it; to insist after that would end it at once."""


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
    """Puts the wish on record, so that the end is known to have been wanted, whoever looks later.

    Of runs that one command trains, all end.
    """
    for one in run.together():
        write(StopRequest(by, time.time(), now), one.stop_file)


def promise(run: RunFolder, record: RunRecord, patience: float) -> str:
    """What asking this run to end can save, for the person who asks."""
    progress = read_progress(record, run.log, over=False)
    if progress is None or progress.step == 0:
        return _("asked to end; it has taken no step yet, so there is nothing to save")
    if record.trainer == "bundled":
        return _("asked to write a checkpoint and end (at most {patience:.0f} s)", patience=patience)
    newest = newest_checkpoint(Path(record.output))
    if not newest:
        return _(
            "asked to end. The authors' trainer writes checkpoints only every so many steps (--checkpointing_steps) "
            "and none when asked; there is none yet, so its {steps} steps are lost",
            steps=progress.step,
        )
    return _(
        "asked to end. The authors' trainer writes checkpoints only every so many steps (--checkpointing_steps) and "
        "none when asked; what it did after {newest} is lost",
        newest=newest,
    )


def end_run(run: RunFolder, record: RunRecord, *, patience: float) -> Ending:
    """SIGINT to the trainers, `patience` seconds for the checkpoint, then SIGTERM, then SIGKILL to all processes.

    With no patience it begins with SIGTERM to all of them.
    """
    began, before = time.monotonic(), newest_checkpoint(Path(record.output))
    asked = patience > 0 and _ended_when_asked(run, record, patience)
    how: signal.Signals | None = signal.SIGINT
    if not asked:
        how = end_in_turn(
            ((signal.SIGTERM, INSIST_SECONDS), (signal.SIGKILL, INSIST_SECONDS)),
            lambda how: send(members(record.key), how),
            lambda: any_lives(record.key),
        )
    newest = newest_checkpoint(Path(record.output))
    return Ending(how.name if how else "", time.monotonic() - began, newest if newest != before else "")


def _ended_when_asked(run: RunFolder, record: RunRecord, patience: float) -> bool:
    """Asks with SIGINT until it is heard, waits, and says whether the run ended within `patience` seconds."""
    end, answer = time.monotonic() + patience, run.log.stat().st_size if run.log.exists() else 0
    heard = False
    while True:
        if not heard:
            processes = run.processes()
            send(trainers(record.key, processes.launcher if processes else None), signal.SIGINT)
        left = end - time.monotonic()
        if gone_within(min(REPEAT_SECONDS, left), lambda: any_lives(record.key)):
            return True
        if left <= REPEAT_SECONDS:
            return False
        heard = heard or HEARD.encode() in read_part(run.log, 1 << 20, answer)


def pass_warning(run: RunFolder, record: RunRecord, number: int, since: int) -> bool:
    """Passes a batch system's warning on to the bundled trainer, which writes a checkpoint and ends; one more insists
    on nothing. The authors' trainer cannot, and trains on until the time is up. Returns whether that is settled:
    nothing more to pass on, by the trainer's answer in the log from byte `since` on."""
    if record.trainer != "bundled" or HEARD.encode() in read_part(run.log, 1 << 20, since):
        return True
    processes = run.processes()
    send(trainers(record.key, processes.launcher if processes else None), signal.Signals(number))
    return False


def newest_checkpoint(output: Path) -> str:
    """The name of the checkpoint with the most steps."""
    found = [
        (int(number), path.name)
        for path in (output.glob("checkpoint-*") if output.is_dir() else ())
        if (number := path.name.removeprefix("checkpoint-")).isdecimal() and path.is_dir()
    ]
    return max(found)[1] if found else ""


def wait_for_record(run: RunFolder, seconds: float = 10.0) -> None:
    """Gives the supervisor the moment it needs to write down what it saw; returns at once when there is none."""
    end = time.monotonic() + seconds
    processes = run.processes()
    while run.exit() is None and processes and is_alive(processes.supervisor) and time.monotonic() < end:
        time.sleep(0.02)
