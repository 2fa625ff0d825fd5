"""`dualano-doctor logs`: the end of what a run has printed, and what it goes on to print."""

from __future__ import annotations

import sys
import time

from ..explain.last_error import read_end, tail
from ..language import _
from ..runs.folder import RunFolder, find
from ..runs.look import look_at
from ..runs.watch.follow import Follower
from ..runs.watch.report import STATES, log_line
from ..settings.options import Settings
from ..text.printable import printable

POLL_SECONDS = 0.2


def print_log(settings: Settings, run: str | None, lines: int, *, follow: bool = False) -> None:
    """Prints the last lines of the run's log, and follows it. Raises UsageError for a run that is not there."""
    folder = find(settings.state, run)
    size = folder.log.stat().st_size
    text = read_end(folder.log, max(256_000, lines * 400), until=size)
    sys.stdout.write("".join(f"{log_line(line)}\n" for line in tail(text, lines)))
    if follow:
        _follow(folder, size)


def _follow(folder: RunFolder, position: int) -> None:
    """Prints what comes after `position` until the run is over. Ctrl-C ends this, not the run."""
    record = folder.record()
    assert record is not None  # `find` gives only folders with one
    follower = Follower(folder.log, position)
    while True:
        verdict = look_at(folder, record).verdict
        for line in follower.lines(rest=not (verdict.alive or verdict.state == "elsewhere")):
            sys.stdout.write(log_line(line) + "\n")
        sys.stdout.flush()
        if not (verdict.alive or verdict.state == "elsewhere"):
            detail = f": {printable(verdict.detail)}" if verdict.detail else ""
            sys.stderr.write(f"{folder.name} {_(STATES[verdict.state])}{detail}\n")
            return
        time.sleep(POLL_SECONDS)
