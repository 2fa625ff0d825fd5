"""`dualano-doctor fix`: show the plan, ask, apply, look again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..language import N_, _
from .parser import Command, argument, settings_of

COMMAND = Command(
    help=N_("show what would be repaired, ask, repair, look again"),
    description=N_(
        "Makes one plan over environment, files and patches, shows its cost, asks, applies it and looks "
        "again. Every change is journalled first; `undo` takes it back byte for byte."
    ),
    arguments=(
        argument("--plan", action="store_true", help=N_("stop after showing the plan")),
        argument("--json", action="store_true", help=N_("with --plan: print the plan as one JSON document")),
        argument("--json-schema", action="store_true", help=N_("the schema of --json; looks at nothing")),
        argument(
            "--apply",
            metavar="PLAN.json",
            help=N_("apply a plan saved by --plan --json: made anew, and only when it still says the same"),
        ),
        argument("--yes", "-y", action="store_true", help=N_("do not ask")),
        argument("--only", metavar="ID,..", default="", help=N_("repair only the findings of these rules")),
        argument(
            "--with",
            metavar="GROUP,..",
            default="",
            dest="with_groups",
            help=N_("install these optional packages into the training environment too: evaluate, trackers"),
        ),
    ),
)


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
    groups = _groups(arguments.with_groups)
    if arguments.apply and (arguments.plan or only or groups):
        raise UsageError(_("fix --apply takes its rules from the saved plan; leave out --plan, --only and --with"))
    manner = Manner(arguments.yes, arguments.quiet, arguments.verbose)
    if arguments.apply:
        return apply_saved(settings, Path(arguments.apply), manner)
    if arguments.plan:
        return show_plan(settings, only, groups, as_json=arguments.json, verbose=arguments.verbose)
    return repair(settings, only, manner, groups)


def _groups(text: str) -> tuple[str, ...]:
    """The optional groups that a line names. Raises UsageError for one that does not exist."""
    from ..errors import UsageError
    from ..knowledge.groups import names

    wanted = tuple(dict.fromkeys(filter(None, (part.strip() for part in text.split(",")))))
    for name in wanted:
        if name not in names():
            known = ", ".join(names())
            raise UsageError(_("there is no optional group {name}; --with takes {known}", name=name, known=known))
    return wanted
