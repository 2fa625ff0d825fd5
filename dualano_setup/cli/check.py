"""`dualano-doctor check`: look and judge; changes nothing."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from ..facts.fact import value
from ..language import N_, _
from ..settings.options import OPTIONS
from .parser import Command, argument, settings_of

if TYPE_CHECKING:
    from ..check import Report
    from ..settings.options import Settings

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
        argument(
            "--for",
            dest="place",
            choices=("gpu-node", "here"),
            help=N_(
                "on a cluster: judge a compute node, through srun or a report saved there (the default on a login node "
                "without a GPU), or this machine"
            ),
        ),
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Prints the report; its exit status is the same for people and for JSON."""
    if arguments.json_schema:
        from ..report.document import schema_text

        sys.stdout.write(schema_text())
        return 0
    from ..check import narrowed
    from ..system.ownership import stranger

    settings = settings_of(arguments)
    if warning := stranger(settings.project):
        from ..text.say import complain

        complain(f"dualano-doctor: {warning}")
    report = _look(arguments, settings)
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


def _look(arguments: argparse.Namespace, settings: Settings) -> Report:
    """This machine, or the compute node that a report or Slurm tells of."""
    from ..check import look

    if arguments.sheet:
        from ..facts.node import sight_of

        return look(settings, sight_of(arguments.sheet))
    flags = [] if arguments.place == "here" else _flags(arguments)
    if arguments.place == "gpu-node":
        from ..flows.compute_node import look_at_node

        return look_at_node(settings, flags)
    report = look(settings)
    if arguments.place is None and _has_no_gpu(report) and _on_the_path("sinfo"):
        from ..flows.compute_node import look_unasked

        return look_unasked(settings, report, flags)
    return report


def _has_no_gpu(report: Report) -> bool:
    gpus = value(report.sheet.gpus)
    return not (gpus and gpus.devices)


def _on_the_path(tool: str) -> bool:
    return any(os.access(f"{folder}/{tool}", os.X_OK) for folder in os.get_exec_path())


def _flags(arguments: argparse.Namespace) -> list[str]:
    """The settings that this command line names, as flags again."""
    given = ((option, getattr(arguments, option.key, None)) for option in OPTIONS if option.help)
    return [
        word
        for option, said in given
        if said is not None and option.key not in ("offline", "fail_on")
        for word in ([option.flag] if option.kind == "flag" else [option.flag, str(said)])
    ]


def _write_html(report: Report, file: str) -> None:
    """The page into the file; without one to stdout, where that is no terminal. Raises WorkError."""
    from pathlib import Path

    from ..flows.report import check_html, write_page

    if not file and not sys.stdout.isatty():
        sys.stdout.write(check_html(report))
        return
    target = Path(file).expanduser() if file else report.settings.project / "outputs" / "check.html"
    sys.stderr.write(_("report: {target}\n", target=write_page(target, check_html(report))))
