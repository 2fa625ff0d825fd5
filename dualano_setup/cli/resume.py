"""`dualano-doctor resume [RUN]`: go on with a run that ended early."""

from __future__ import annotations

import argparse

from ..language import _
from .parser import settings_of


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "resume",
        parents=[shared],
        help=_("go on with a run that ended early"),
        description=_(
            "Goes on from a run's newest checkpoint with its own arguments, in its own folder, as `train` does. What "
            "follows `--` wins over them, e.g. -- --max_train_steps 8000"
        ),
    )
    add = parser.add_argument
    add("name", nargs="?", metavar="RUN", help=_("name of the run, or a part of it (default: the newest)"))
    add("--force", action="store_true", help=_("start although something blocks"))
    add("--detach", action="store_true", help=_("train in the background; survives the terminal"))
    add("arguments", nargs="*", metavar="-- ARGS", help=_("for the trainer, untouched; -- --help lists them"))


def run(arguments: argparse.Namespace) -> int:
    """Goes on; as `train`. Raises UsageError for a run that cannot be gone on with."""
    from ..runs.launch.tools import show_help, wants_help

    name, extra = arguments.name, arguments.arguments
    if wants_help(extra):
        return show_help("trainer")
    from ..flows.resume import resume

    return resume(settings_of(arguments), name, extra, force=arguments.force, detach=arguments.detach)
