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
    arguments=(
        argument("--json", action="store_true", help=N_("as one JSON list on stdout")),
        argument(
            "--prune", action="store_true", help=N_("show what ended runs need no more; weights and checkpoints stay")
        ),
        argument("--keep", type=int, metavar="N", help=N_("with --prune: leave the newest N runs as they are (20)")),
        argument("--yes", action="store_true", help=N_("with --prune: remove it")),
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Prints one line for each run, or prunes them. Raises UsageError for options that do not go together."""
    from ..errors import UsageError

    if not arguments.prune and (arguments.yes or arguments.keep is not None):
        raise UsageError(_("--keep and --yes go with --prune"))
    if arguments.prune:
        from ..flows.prune import KEPT, prune

        keep = KEPT if arguments.keep is None else arguments.keep
        if keep < 0:
            raise UsageError(_("--keep is {keep}, expected 0 or more", keep=keep))
        return prune(settings_of(arguments), keep, remove=arguments.yes)
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
