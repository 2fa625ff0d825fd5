"""`dualano-doctor uninstall`: takes back what was changed and removes what was made here."""

from __future__ import annotations

import argparse

from ..language import N_
from .parser import Command, argument, settings_of

COMMAND = Command(
    help=N_("take everything back and remove what was made here"),
    description=N_(
        "Shows what would go, with sizes, and changes nothing. With --yes it takes back every change that fixes made "
        "outside .dualano, byte for byte, then removes .dualano: environments, journals, records of runs. Data, "
        "models, what fixes made of them, outputs/ and dualano.toml stay. Refuses while a run or a campaign goes on."
    ),
    arguments=(
        argument("--yes", action="store_true", help=N_("do it")),
        argument(
            "--everything",
            action="store_true",
            help=N_("outputs/, dualano.toml and the data, weights and masks that fixes made go as well"),
        ),
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 when nothing is left of what was to go (or it was only shown), 1 otherwise."""
    from ..flows.uninstall import uninstall

    return uninstall(settings_of(arguments), everything=arguments.everything, yes=arguments.yes)
