"""`dualano-doctor undo`: take back the last (or a named) fix, byte for byte."""

from __future__ import annotations

import argparse

from ..language import _
from .parser import settings_of


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "undo",
        parents=[shared],
        help=_("take back the last (or named) fix, byte for byte"),
        description=_(
            "Puts back every file and environment that a fix changed. Refuses, and shows the difference, when "
            "you changed one of them since."
        ),
    )
    parser.add_argument("fix", nargs="?", metavar="ID", help=_("which fix (default: the last one)"))


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 when the fix is taken back."""
    from ..flows.undo import undo

    undo(settings_of(arguments), arguments.fix)
    return 0
