"""`dualano-doctor fix`: show the plan, ask, apply, look again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..language import _
from .parser import settings_of


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


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 when nothing blocks afterwards, 1 when something does or the work failed."""
    if arguments.json_schema:
        from ..report.document import schema_text

        sys.stdout.write(schema_text("plan"))
        return 0
    from ..errors import UsageError
    from ..flows.fix import Manner, apply_saved, repair, show_plan
    from ..rules.selection import chosen_rules

    settings = settings_of(arguments)
    only = chosen_rules(arguments.only, "--only")
    if arguments.json and not arguments.plan:
        raise UsageError(_("fix --json goes with --plan: it prints the plan and changes nothing"))
    if arguments.apply and (arguments.plan or only):
        raise UsageError(_("fix --apply takes its rules from the saved plan; leave out --plan and --only"))
    manner = Manner(arguments.yes, arguments.quiet, arguments.verbose)
    if arguments.apply:
        return apply_saved(settings, Path(arguments.apply), manner)
    if arguments.plan:
        return show_plan(settings, only, as_json=arguments.json, verbose=arguments.verbose)
    return repair(settings, only, manner)
