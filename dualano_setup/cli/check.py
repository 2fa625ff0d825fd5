"""`dualano-doctor check`: look and judge; changes nothing."""

from __future__ import annotations

import argparse
import sys

from ..language import _


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "check",
        parents=[shared],
        help=_("look and judge; changes nothing"),
        description=_(
            "Looks at machine, GPUs, training environment, files, data and checkout, and says what is wrong."
        ),
    )
    parser.add_argument("--json", action="store_true", help=_("one JSON document on stdout, and nothing else there"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints the report; its exit status is the same for people and for JSON."""
    from ..check import look
    from ..report.ownership import stranger
    from ..report.terminal import printable
    from ..settings import resolve

    settings = resolve(vars(arguments))
    if warning := stranger(settings.project):
        print(f"dualano-doctor: {printable(warning)}", file=sys.stderr)
    report = look(settings)
    if arguments.json:
        from ..report.document import report_document

        sys.stdout.write(report_document(report) + "\n")
    else:
        from ..report.terminal import Style, render_report

        style = Style.for_stream(settings.color, sys.stdout)
        sys.stdout.write(render_report(report, style, verbosity=-1 if arguments.quiet else arguments.verbose))
    return report.exit_status
