"""`dualano-doctor runs`: the training runs of this project."""

from __future__ import annotations

import argparse
import json
import sys

from ..language import N_, _
from .parser import Command, argument, settings_of

COMMAND = Command(
    help=N_("list the training runs"),
    description=N_("Every run of this project, the newest last, with what became of it."),
    arguments=(argument("--json", action="store_true", help=N_("as one JSON list on stdout")),),
)


def run(arguments: argparse.Namespace) -> int:
    """Prints one line for each run."""
    from ..report.terminal import Style
    from ..runs.folder import every, runs_root
    from ..runs.look import look_at
    from ..runs.watch.report import list_text

    settings = settings_of(arguments)
    views = [look_at(folder, record) for folder in every(settings.state) if (record := folder.record())]
    if arguments.json:
        sys.stdout.write(json.dumps([view.document() for view in views], indent=2) + "\n")
    elif views:
        sys.stdout.write(list_text(views, Style.for_stream(settings.color, sys.stdout)))
    else:
        sys.stdout.write(
            _("no runs in {state} yet; `dualano-doctor train` starts one\n", state=runs_root(settings.state))
        )
    return 0
