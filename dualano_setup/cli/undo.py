"""`dualano-doctor undo`: take back the last (or a named) fix, byte for byte."""

from __future__ import annotations

import argparse

from ..language import N_
from .parser import Command, argument, settings_of

COMMAND = Command(
    help=N_("take back the last (or named) fix, byte for byte"),
    description=N_(
        "Puts back every file and environment that a fix changed. Refuses, and shows the difference, when "
        "you changed one of them since."
    ),
    arguments=(argument("fix", nargs="?", metavar="ID", help=N_("which fix (default: the last one)")),),
)


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 when the fix is taken back."""
    from ..flows.undo import undo

    undo(settings_of(arguments), arguments.fix)
    return 0
