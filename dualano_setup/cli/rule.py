"""`dualano-doctor rule [ID]`: what a rule means, why it matters, how to cure it by hand."""

from __future__ import annotations

import argparse
import sys


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "rule",
        parents=[shared],
        help="what a rule means, why it matters, how to cure it by hand",
        description="Prints the page of one rule, or the list of all rules.",
    )
    parser.add_argument("id", nargs="?", metavar="ID", help="e.g. PKG005; without it, the list")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints the page, or the list. Raises UsageError for an id that is no rule's."""
    from ..rules.pages import page
    from ..rules.registry import RULES
    from ..settings import UsageError

    if arguments.id is None:
        for rule in RULES:
            repair = "fix repairs it" if rule.repairable else "by hand"
            sys.stdout.write(f"{rule.id:9}{rule.title}  ({repair})\n")
        return 0
    wanted = arguments.id.upper()
    if wanted not in {rule.id for rule in RULES}:
        family = [rule.id for rule in RULES if rule.id[:2] == wanted[:2]]
        near = ", ".join(family) if family else "`dualano-doctor rule` lists them"
        raise UsageError(f"there is no rule {arguments.id}; known: {near}")
    sys.stdout.write(page(wanted))
    return 0
