"""`dualano-doctor --print-completion SHELL`: the shell's own script, made from the parser by shtab."""

from __future__ import annotations

import argparse
from typing import Any

_SHELLS = ("bash", "zsh", "fish", "tcsh")  # what shtab writes


class Completion(argparse.Action):
    """Prints the script and ends, as `--version` does. shtab is imported only here."""

    def __init__(self, option_strings: list[str], dest: str, **options: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, choices=_SHELLS, default=argparse.SUPPRESS, **options)

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Ends the program with status 0."""
        import shtab

        print(shtab.complete(parser, values))
        parser.exit(0)
