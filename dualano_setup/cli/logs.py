"""`dualano-doctor logs [RUN] [-f]`: what a run has printed."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from ..language import _
from .parser import settings_of

if TYPE_CHECKING:
    from ..runs.folder import RunFolder

POLL_SECONDS = 0.2


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "logs",
        parents=[shared],
        help=_("what a run has printed"),
        description=_("The last lines of a run's log; -f goes on as they come, until the run ends or Ctrl-C."),
    )
    parser.add_argument(
        "name", nargs="?", metavar="RUN", help=_("name of the run, or a part of it (default: the newest)")
    )
    parser.add_argument("-f", "--follow", action="store_true", help=_("go on with new lines as they come"))
    parser.add_argument("-n", "--lines", type=int, default=30, metavar="N", help=_("how many of the last lines (30)"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints the end of the log, and follows it. Raises UsageError for a run that is not there."""
    from ..errors import UsageError
    from ..explain.last_error import read_end, tail
    from ..runs.folder import find
    from ..runs.watch.report import log_line

    if arguments.lines < 0:
        raise UsageError(_("-n is {lines}, expected 0 or more lines", lines=arguments.lines))
    folder = find(settings_of(arguments).state, arguments.name)
    size = folder.log.stat().st_size
    text = read_end(folder.log, max(256_000, arguments.lines * 400), until=size)
    sys.stdout.write("".join(f"{log_line(line)}\n" for line in tail(text, arguments.lines)))
    return follow(folder, size) if arguments.follow else 0


def follow(folder: RunFolder, position: int) -> int:
    """Prints what comes after `position` until the run is over. Ctrl-C ends this, not the run."""
    from ..runs.look import look_at
    from ..runs.watch.follow import Follower
    from ..runs.watch.report import log_line
    from ..text.printable import printable

    record = folder.record()
    assert record is not None  # `find` gives only folders with one
    follower = Follower(folder.log, position)
    while True:
        verdict = look_at(folder, record).verdict
        for line in follower.lines(rest=not verdict.alive):
            sys.stdout.write(log_line(line) + "\n")
        sys.stdout.flush()
        if not verdict.alive:
            detail = f": {printable(verdict.detail)}" if verdict.detail else ""
            sys.stderr.write(f"{folder.name} {verdict.state}{detail}\n")
            return 0
        time.sleep(POLL_SECONDS)
