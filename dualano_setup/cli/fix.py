"""`dualano-doctor fix`: show the plan, ask, apply, look again."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..language import _

if TYPE_CHECKING:
    pass


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "fix",
        parents=[shared],
        help=_("show what would be repaired, ask, repair, look again"),
        description=_(
            "Makes one plan over environment, files and patches, shows its cost, asks, applies it and looks "
            "again. Every change is journalled first; `undo` takes it back byte for byte."
        ),
    )
    parser.add_argument("--plan", action="store_true", help=_("stop after showing the plan"))
    parser.add_argument("--json", action="store_true", help=_("with --plan: print the plan as one JSON document"))
    parser.add_argument("--json-schema", action="store_true", help=_("the schema of --json; looks at nothing"))
    parser.add_argument(
        "--apply",
        metavar="PLAN.json",
        help=_("apply a plan saved by --plan --json: made anew, and only when it still says the same"),
    )
    parser.add_argument("--yes", "-y", action="store_true", help=_("do not ask"))
    parser.add_argument("--only", metavar="ID,..", default="", help=_("repair only the findings of these rules"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 when nothing blocks afterwards, 1 when something does or the work failed."""
    from ..flows import fix

    return fix.run(arguments)
