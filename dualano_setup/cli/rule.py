"""`dualano-doctor rule [ID]`: what a rule means, why it matters, how to cure it by hand."""

from __future__ import annotations

import argparse
import sys

from ..language import N_, _, spoken
from .parser import Command, argument

COMMAND = Command(
    help=N_("what a rule means, why it matters, how to cure it by hand"),
    description=N_("Prints the page of one rule, or the list of all rules."),
    arguments=(argument("id", nargs="?", metavar="ID", help=N_("e.g. PKG005; without it, the list")),),
)


def run(arguments: argparse.Namespace) -> int:
    """Prints the page, or the list. Raises UsageError for an id that is no rule's."""
    from ..errors import UsageError
    from ..rules.pages import page
    from ..rules.registry import RULES

    if arguments.id is None:
        for rule in RULES:
            repair = _("fix repairs it") if rule.repairable else _("by hand")
            sys.stdout.write(f"{rule.id:9}{_(rule.title)}  ({repair})\n")
        return 0
    wanted = arguments.id.upper()
    if wanted not in {rule.id for rule in RULES}:
        family = [rule.id for rule in RULES if rule.id[:2] == wanted[:2]]
        near = ", ".join(family) if family else _("`dualano-doctor rule` lists them")
        raise UsageError(_("there is no rule {arguments}; known: {near}", arguments=arguments.id, near=near))
    sys.stdout.write(page(wanted, spoken()))
    return 0
