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
    add = parser.add_argument
    add("--json", action="store_true", help=_("as one JSON list on stdout"))
    add("--prune", action="store_true", help=_("show what ended runs need no more; weights and checkpoints stay"))
    add("--keep", type=int, metavar="N", help=_("with --prune: leave the newest N runs as they are (20)"))
    add("--yes", action="store_true", help=_("with --prune: remove it"))


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
