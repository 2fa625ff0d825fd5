"""`dualano-doctor logs [RUN] [-f]`: what a run has printed."""

from __future__ import annotations

import argparse

from ..language import _
from .parser import settings_of


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


def run(arguments: argparse.Namespace) -> int:
    """Prints the end of the log, and follows it. Raises UsageError for a run that is not there."""
    from ..errors import UsageError
    from ..flows.logs import print_log

    if arguments.lines < 0:
        raise UsageError(_("-n is {lines}, expected 0 or more lines", lines=arguments.lines))
    print_log(settings_of(arguments), arguments.name, arguments.lines, follow=arguments.follow)
    return 0
