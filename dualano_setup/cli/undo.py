"""`dualano-doctor undo`: take back the last (or a named) fix, byte for byte."""

from __future__ import annotations

import argparse
import sys

from ..language import _


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
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 when the fix is taken back, 1 when it cannot be."""
    from ..errors import RepairError
    from ..repairs.journal.apply import Session, without_interruption
    from ..repairs.journal.lock import locked
    from ..repairs.journal.undo import find_fix, not_followed, recover, undo_fix
    from ..settings.resolve import resolve
    from ..text.printable import printable
    from ..text.say import tell

    settings = resolve(vars(arguments))

    session = Session(settings.project, settings.env, settings.offline, tell)
    trees = [path for path in (settings.checkout, settings.env) if path]
    try:
        with locked(settings.project, trees, say=tell):
            told = recover(settings.project, session.workshop)
            for line in told + not_followed(settings.project):
                tell(line)
            if told and arguments.fix is None:
                return 0  # the last fix is the one just settled; taking back one more was not asked for
            journal = find_fix(settings.project, arguments.fix)
            with without_interruption(tell):
                undo_fix(journal, lambda number: session.workshop(journal, number))
            for action in reversed(journal.plan().actions):
                tell(_("taken back: {action}", action=action.describe()))
    except RepairError as error:
        print(f"dualano-doctor: {printable(str(error))}", file=sys.stderr)
        return 1
    return 0
