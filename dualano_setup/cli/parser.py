"""The argument parser of every command: argparse's own, its help as wide as the terminal."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any


class Formatter(argparse.HelpFormatter):
    """argparse asks `shutil` for the width, which imports every compressor (2 ms) each time a parser is made."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, **{"width": _columns() - 2, **options})


class RawFormatter(Formatter, argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of description and epilog."""


class Parser(argparse.ArgumentParser):
    """A parser, and by `add_subparsers` a parser of commands, with `Formatter`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": Formatter, **options})


def _columns() -> int:
    """COLUMNS, else the terminal's width, else 80: as `shutil.get_terminal_size` has it."""
    said = os.environ.get("COLUMNS", "")
    if said.isdigit() and int(said) > 0:
        return int(said)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1).columns or 80
    except (OSError, ValueError, AttributeError):
        return 80
