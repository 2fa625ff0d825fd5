"""`dualano-doctor logs [RUN] [-f]`: what a run has printed."""

from __future__ import annotations

import argparse

from ..language import N_, _
from .parser import RUN_NAME, Command, argument, settings_of

COMMAND = Command(
    help=N_("what a run has printed"),
    description=N_("The last lines of a run's log; -f goes on as they come, until the run ends or Ctrl-C."),
    arguments=(
        RUN_NAME,
        argument("-f", "--follow", action="store_true", help=N_("go on with new lines as they come")),
        argument("-n", "--lines", type=int, default=30, metavar="N", help=N_("how many of the last lines (30)")),
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Prints the end of the log, and follows it. Raises UsageError for a run that is not there."""
    from ..errors import UsageError
    from ..flows.logs import print_log

    if arguments.lines < 0:
        raise UsageError(_("-n is {lines}, expected 0 or more lines", lines=arguments.lines))
    print_log(settings_of(arguments), arguments.name, arguments.lines, follow=arguments.follow)
    return 0
