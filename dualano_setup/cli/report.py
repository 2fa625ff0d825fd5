"""`dualano-doctor report [RUN|CAMPAIGN]`: one HTML file to look at and to send to somebody."""

from __future__ import annotations

import argparse
import sys

from ..language import N_, _
from .parser import Command, argument, settings_of

COMMAND = Command(
    help=N_("a page to look at: curve, pairs, settings, in one file"),
    description=N_(
        "Writes one HTML file on a run, a folder of results or a campaign: verdict, loss curve, sample sheets, real "
        "and generated pictures with their masks, what was rejected and why, evaluation, settings, machine, commands. "
        "It holds all it shows, asks no network, and leaves names of people and machines out, so that it can be sent."
    ),
    arguments=(
        argument(
            "name",
            nargs="?",
            metavar="RUN",
            help=N_("run, folder of results, or campaign, by name or path (default: the newest run)"),
        ),
        argument("--output", metavar="FILE", dest="into", help=N_("the file to write (outputs/<run>/report.html)")),
        argument("--all", action="store_true", help=N_("all pairs, on further pages beside it")),
        argument("--open", action="store_true", help=N_("show it in the browser")),
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Writes the page and prints where it is. Raises UsageError for a run that is not there."""
    from ..flows.report import open_page, report

    target = report(settings_of(arguments), arguments.name, arguments.into, every_pair=arguments.all)
    sys.stdout.write(_("report: {target}\n", target=target))
    if arguments.open:
        open_page(target.absolute().as_uri())
    return 0
