"""`dualano-doctor runs`: the training runs of this project."""

from __future__ import annotations

import argparse
import json
import sys

from ..language import _
from .parser import settings_of


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "runs",
        parents=[shared],
        help=_("list the training runs"),
        description=_("Every run of this project, the newest last, with what became of it."),
    )
    parser.add_argument("--json", action="store_true", help=_("as one JSON list on stdout"))


def run(arguments: argparse.Namespace) -> int:
    """Prints one line for each run."""
    from ..report.terminal import Style
    from ..runs.folder import every, runs_root
    from ..runs.look import look_at
    from ..runs.watch.report import list_text
    from ..system.processes import living_runs

    settings = settings_of(arguments)
    living = living_runs()
    views = [look_at(folder, record, living) for folder in every(settings.state) if (record := folder.record())]
    if arguments.json:
        sys.stdout.write(json.dumps([view.document() for view in views], indent=2) + "\n")
    elif views:
        sys.stdout.write(list_text(views, Style.for_stream(settings.color, sys.stdout)))
    else:
        sys.stdout.write(
            _("no runs in {state} yet; `dualano-doctor train` starts one\n", state=runs_root(settings.state))
        )
    return 0
