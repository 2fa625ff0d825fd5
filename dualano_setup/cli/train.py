"""`dualano-doctor train`: check, and only if all is well start the training."""

from __future__ import annotations

import argparse
from functools import partial

from ..language import N_
from .parser import TRAINER_ARGUMENTS, Command, RawFormatter, argument, settings_of

COMMAND = Command(
    help=N_("check, and start training when all is well"),
    description=N_(
        "Checks everything first, and only when nothing blocks starts the training through `accelerate launch` with "
        "a\nconfiguration of the run's own. What follows `--` reaches the trainer untouched and wins over the "
        "settings, e.g.\n\n  dualano-doctor train --detach -- --max_train_steps 2000 --checkpoints_total_limit "
        "3\n\nCtrl-C asks for a checkpoint and ends the run; a second one ends it at once.\n"
    ),
    arguments=(
        argument("--fix", action="store_true", help=N_("repair first what `fix` can repair (it asks)")),
        argument("--yes", action="store_true", help=N_("with --fix: do not ask")),
        argument("--force", action="store_true", help=N_("start although something blocks")),
        argument("--detach", action="store_true", help=N_("train in the background; survives the terminal")),
        argument(
            "--recipe",
            choices=("published", "short"),
            help=N_("steps and rate where the settings do not say them: 5000 at 2e-5, or fewer at a higher rate"),
        ),
        TRAINER_ARGUMENTS,
    ),
    formatter=RawFormatter,
)


def run(arguments: argparse.Namespace) -> int:
    """Checks and hands off. Returns 0 when the training finished (or, detached, started)."""
    from ..runs.launch.tools import show_help, wants_help

    settings = settings_of(arguments)
    trainer = settings.trainer or "bundled"
    if trainer == "bundled" and wants_help(arguments.arguments):
        return show_help("trainer")
    from ..flows.fix import Manner, repair_on_the_way
    from ..flows.train import train

    manner = Manner(arguments.yes, arguments.quiet, arguments.verbose)
    return train(
        settings,
        trainer,
        [*(("--recipe", arguments.recipe) if arguments.recipe else ()), *arguments.arguments],
        repair=partial(repair_on_the_way, manner=manner) if arguments.fix else None,
        force=arguments.force,
        detach=arguments.detach,
    )
