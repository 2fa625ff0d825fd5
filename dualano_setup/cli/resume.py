"""`dualano-doctor resume [RUN]`: go on with a run that ended early."""

from __future__ import annotations

import argparse

from ..language import N_
from .parser import RUN_NAME, TRAINER_ARGUMENTS, Command, argument, settings_of

COMMAND = Command(
    help=N_("go on with a run that ended early"),
    description=N_(
        "Goes on from a run's newest checkpoint with its own arguments, in its own folder, as `train` does. What "
        "follows `--` wins over them, e.g. -- --max_train_steps 8000"
    ),
    arguments=(
        RUN_NAME,
        argument("--force", action="store_true", help=N_("start although something blocks")),
        argument("--detach", action="store_true", help=N_("train in the background; survives the terminal")),
        TRAINER_ARGUMENTS,
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Goes on; as `train`. Raises UsageError for a run that cannot be gone on with."""
    from ..runs.launch.tools import show_help, wants_help

    name, extra = arguments.name, arguments.arguments
    if wants_help(extra):
        return show_help("trainer")
    from ..flows.resume import resume

    return resume(settings_of(arguments), name, extra, force=arguments.force, detach=arguments.detach)
