"""`dualano-doctor quickstart [DIR]`: the whole way on a miniature model and data set."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path

from ..language import N_, _
from .parser import Command, argument

TRAINED_STEPS, FAST_STEPS = 220, 10
COMMAND = Command(
    help=N_("the whole way on a miniature model and data set"),
    description=N_(
        "Check, environment, miniature model and data, training, weights, samples, a sheet to look at: all of it "
        "for real, on a CPU, in one folder. The pictures are drawn, and the miniature base model learnt drawn "
        "pictures. Interrupted, the same command goes on where it was."
    ),
    arguments=(
        argument("folder", nargs="?", default="dualano-quickstart", metavar="DIR", help="(./dualano-quickstart)"),
        argument("--steps", type=int, metavar="N", help=N_("training steps (220; with --fast 10)")),
        argument(
            "--fast", action="store_true", help=N_("a base model of random weights: proves the way, shows no anomaly")
        ),
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Goes the whole way; 0 when there are weights and a sample at its end."""
    from ..errors import UsageError
    from ..flows.quickstart import Quickstart

    steps = (FAST_STEPS if arguments.fast else TRAINED_STEPS) if arguments.steps is None else arguments.steps
    if steps < 1:
        raise UsageError(_("--steps is {steps}, expected a whole number above 0", steps=steps))
    folder = Path(os.path.abspath(Path(arguments.folder).expanduser()))  # noqa: PTH100 - links stay as they are named
    env = Path(os.path.abspath(Path(arguments.env).expanduser())) if arguments.env else None  # noqa: PTH100
    say = partial(print, flush=True)
    try:
        shown = arguments.color or "auto"
        Quickstart(folder, steps, env, bool(arguments.offline), shown, fast=arguments.fast, say=say).run()
    except KeyboardInterrupt:
        print(_("\ninterrupted; the same command goes on from here"), file=sys.stderr)
        return 130
    return 0
