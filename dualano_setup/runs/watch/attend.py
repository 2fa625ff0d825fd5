"""Stays with a run in the foreground: shows it, passes Ctrl-C on as a wish for a checkpoint, tells how it ended."""

from __future__ import annotations

import signal
import sys

from ...language import _
from ...report.terminal import Style
from ...system.batch_warnings import warnings_heeded
from ...system.processes import send
from ..ending import CHECKPOINT_SECONDS, Ending, ask_to_end, end_run, promise, wait_for_record
from ..launch.handoff import Started
from ..launch.resume import how_to_go_on
from ..look import RunView
from .live import watch_run
from .report import after_a_failure


def attend(started: Started, color: str, *, by_train: bool = True) -> int:
    """Shows the run until it ends. Returns 0 finished, 1 failed, 130 after a Ctrl-C. `by_train`: as in `watch`."""
    style = Style.for_stream(color, sys.stderr)
    try:
        view = watch(started, style, by_train=by_train)
    except KeyboardInterrupt:
        return 130
    if view.verdict.state == "finished":
        sys.stderr.write(_("{run} finished; weights in {output}\n", run=view.run.name, output=started.record.output))
        return 0
    sys.stderr.write(after_a_failure(view, style))
    return 1


def watch(started: Started, style: Style, *, by_train: bool = True) -> RunView:
    """Shows the run until it ends. Raises KeyboardInterrupt after a Ctrl-C, once the run has been ended for it.

    `by_train`: it is `train` that goes on with such a run, and that is said.
    """
    try:
        with warnings_heeded(lambda number: _warn_supervisor(started, number)):
            return watch_run(started.run, started.record, sys.stderr, color=style.color)
    except KeyboardInterrupt:
        _end_for_ctrl_c(started)
        if by_train and (again := how_to_go_on(started.record)):
            sys.stderr.write(f"{again}\n")
        raise
    finally:
        started.release()


def _warn_supervisor(started: Started, number: int) -> None:
    processes = started.run.processes()
    send([processes.supervisor] if processes else [], signal.Signals(number))


def _end_for_ctrl_c(started: Started) -> None:
    """The first Ctrl-C: ask and wait. The second: end at once."""
    run, record = started.run, started.record
    say = sys.stderr.write
    ask_to_end(run, "ctrl-c")
    say(
        _(
            "\nCtrl-C: {promise}. Ctrl-C again ends it at once.\n",
            promise=promise(run, record, CHECKPOINT_SECONDS),
        )
    )
    sys.stderr.flush()
    try:
        ending = end_run(run, record, patience=CHECKPOINT_SECONDS)
    except KeyboardInterrupt:
        say(_("\nending it at once\n"))
        ask_to_end(run, "ctrl-c", now=True)
        ending = _at_once(started)
    wait_for_record(run)
    say(f"{run.name} {ending.in_words()}\n")


def _at_once(started: Started) -> Ending:
    """A third Ctrl-C changes nothing any more: killing is a matter of moments."""
    while True:
        try:
            return end_run(started.run, started.record, patience=0.0)
        except KeyboardInterrupt:
            continue
