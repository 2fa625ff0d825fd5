"""`dualano-doctor check`: look and judge; changes nothing."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ..language import N_, _
from .parser import Command, argument, settings_of

if TYPE_CHECKING:
    from ..check import Report

COMMAND = Command(
    help=N_("look and judge; changes nothing"),
    description=N_("Looks at machine, GPUs, training environment, files, data and checkout, and says what is wrong."),
    one_of=(
        argument("--json", action="store_true", help=N_("one JSON document on stdout, and nothing else there")),
        argument("--markdown", action="store_true", help=N_("for pasting into a ticket; names and tokens left out")),
        argument(
            "--html",
            nargs="?",
            const="",
            metavar="FILE",
            help=N_("as a page for a browser: into FILE, else to where stdout leads, on a terminal outputs/check.html"),
        ),
        argument("--sarif", action="store_true", help=N_("SARIF 2.1.0, for code scanning")),
        argument("--json-schema", action="store_true", help=N_("the schema of --json; looks at nothing")),
    ),
    arguments=(
        argument("--only", metavar="ID,..", default="", help=N_("report only these rules or families, e.g. PKG")),
        argument("--skip", metavar="ID,..", default="", help=N_("leave these rules or families out")),
        argument(
            "--sheet",
            metavar="FILE",
            help=N_("judge the machine and GPUs of a `check --json` saved on a compute node, not those of this one"),
        ),
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Prints the report; its exit status is the same for people and for JSON."""
    if arguments.json_schema:
        from ..report.document import schema_text

        sys.stdout.write(schema_text())
        return 0
    from ..check import look, narrowed
    from ..facts.node import sight_of
    from ..system.ownership import stranger

    settings = settings_of(arguments)
    if warning := stranger(settings.project):
        from ..text.say import complain

        complain(f"dualano-doctor: {warning}")
    report = look(settings, sight_of(arguments.sheet)) if arguments.sheet else look(settings)
    if arguments.only or arguments.skip:
        from ..rules.selection import chosen_rules

        only, skip = chosen_rules(arguments.only, "--only"), chosen_rules(arguments.skip, "--skip")
        report = narrowed(report, only, skip)
    if arguments.json:
        from ..report.document import report_document

        sys.stdout.write(report_document(report) + "\n")
    elif arguments.markdown:
        from ..report.markdown import markdown_report

        sys.stdout.write(markdown_report(report))
    elif arguments.html is not None:
        _write_html(report, arguments.html)
    elif arguments.sarif:
        from ..report.sarif import sarif_report

        sys.stdout.write(sarif_report(report) + "\n")
    else:
        from ..report.terminal import Style, render_report

        style = Style.for_stream(settings.color, sys.stdout)
        sys.stdout.write(render_report(report, style, verbosity=-1 if arguments.quiet else arguments.verbose))
    return report.verdict


def _write_html(report: Report, file: str) -> None:
    """The page into the file; without one to stdout, where that is no terminal. Raises WorkError."""
    from pathlib import Path

    from ..flows.report import check_html, write_page

    if not file and not sys.stdout.isatty():
        sys.stdout.write(check_html(report))
        return
    target = Path(file).expanduser() if file else report.settings.project / "outputs" / "check.html"
    sys.stderr.write(_("report: {target}\n", target=write_page(target, check_html(report))))
