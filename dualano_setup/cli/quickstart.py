"""`dualano-doctor quickstart [DIR]`: the whole way on a miniature model and data set."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path

from ..language import N_, _
from .parser import Command, argument

COMMAND = Command(
    help=N_("the whole way on a miniature model and data set"),
    description=N_(
        "Check, environment, miniature model and data, training, weights, a sample: all of it for real, on a "
        "CPU, in one folder. The miniature is drawn and its weights are random, so this proves the way and "
        "not image quality. Interrupted, the same command goes on where it was."
    ),
    arguments=(
        argument("folder", nargs="?", default="dualano-quickstart", metavar="DIR", help="(./dualano-quickstart)"),
        argument("--steps", type=int, default=10, metavar="N", help=N_("training steps (10)")),
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Goes the whole way; 0 when there are weights and a sample at its end."""
    from ..errors import UsageError
    from ..flows.quickstart import Quickstart

    if arguments.steps < 1:
        raise UsageError(_("--steps is {steps}, expected a whole number above 0", steps=arguments.steps))
    folder = Path(os.path.abspath(Path(arguments.folder).expanduser()))  # noqa: PTH100 - links stay as they are named
    env = Path(os.path.abspath(Path(arguments.env).expanduser())) if arguments.env else None  # noqa: PTH100
    say = partial(print, flush=True)
    try:
        Quickstart(folder, arguments.steps, env, bool(arguments.offline), arguments.color or "auto", say).run()
    except KeyboardInterrupt:
        print(_("\ninterrupted; the same command goes on from here"), file=sys.stderr)
        return 130
    return 0
