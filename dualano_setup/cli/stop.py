"""`dualano-doctor stop [RUN]`: ends a run, with a checkpoint."""

from __future__ import annotations

import argparse

from ..language import N_, _
from .parser import RUN_NAME, Command, argument, settings_of

COMMAND = Command(
    help=N_("end a run, with a checkpoint"),
    description=N_("Asks a run to write a checkpoint and end, waits, and insists when it does not."),
    arguments=(
        RUN_NAME,
        argument("--all", action="store_true", help=N_("end every run of this project that is going on")),
        argument("--now", action="store_true", help=N_("do not wait for a checkpoint")),
        argument("--wait", type=float, metavar="SECONDS", help=N_("how long to wait for the checkpoint (300)")),
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Ends the run; 0 when it is over, 1 when it does not end. Raises UsageError for a run that is not there."""
    from ..errors import UsageError
    from ..flows.stop import stop, stop_all
    from ..runs.ending import CHECKPOINT_SECONDS

    if arguments.wait is not None and not arguments.wait >= 0:
        raise UsageError(_("--wait is {wait}, expected 0 or more seconds", wait=arguments.wait))
    patience = 0.0 if arguments.now else CHECKPOINT_SECONDS if arguments.wait is None else arguments.wait
    if not arguments.all:
        return stop(settings_of(arguments), arguments.name, patience, now=arguments.now)
    if arguments.name is not None:
        raise UsageError(_("either --all or the name of a run"))
    return stop_all(settings_of(arguments), patience, now=arguments.now)
