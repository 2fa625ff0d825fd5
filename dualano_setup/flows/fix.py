"""`dualano-doctor fix`: show the plan, ask, apply, look again."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..check import look
from ..errors import RepairError
from ..language import _
from ..report.terminal import Style
from ..text.say import complain, tell
from .settle import hold, session, settle

if TYPE_CHECKING:
    from ..check import Report
    from ..repairs.action import Plan
    from ..repairs.journal.apply import Session
    from ..repairs.journal.lock import Locks
    from ..settings.options import Settings


ROUNDS = 3  # a repair can uncover what its finding hid; with `yes` that is repaired in the same run


@dataclass(frozen=True, slots=True)
class Manner:
    """How a repair is gone about: without asking, and how much is said of plan and outcome."""

    yes: bool = False
    quiet: bool = False
    verbose: int = 0


def show_plan(
    settings: Settings,
    only: frozenset[str],
    groups: tuple[str, ...] = (),
    *,
    as_json: bool = False,
    verbose: int = 0,
) -> int:
    """Prints what `repair` would do, and changes nothing. Raises RepairError when something cannot be planned."""
    import json

    from ..facts.fixes import unreadable, unsettled
    from ..repairs.plan import make_plan
    from ..repairs.saved_plan import plan_document

    _warn_of_stranger(settings)
    told = [
        _("fix {fix} runs just now or was cut off; the next `fix` or `undo` settles it", fix=fix)
        for fix in unsettled(settings.project)
    ]
    for line in told + unreadable(settings.project):
        complain(line)
    report = look(settings)
    plan = make_plan(report, only, groups)
    if as_json:
        sys.stdout.write(json.dumps(plan_document(report, plan, only, groups), indent=2) + "\n")
    else:
        _show(plan, report, verbose)
    return 0


def repair(
    settings: Settings,
    only: frozenset[str] = frozenset(),
    manner: Manner = Manner(),
    groups: tuple[str, ...] = (),
) -> int:
    """Repairs the findings of the rules `only` (all where it is empty). Returns the exit status of the last look.

    `groups` are optional packages to install besides.

    1 also when the user declines, or when the fix failed and was taken back. With `manner.yes` the lock is held from
    the first look on, so that each of several doctors sees what the last did. Raises RepairError, and KeyboardInterrupt
    after a Ctrl-C, once everything is taken back.
    """
    from ..repairs.plan import make_plan

    _warn_of_stranger(settings)
    with hold(settings) as locks:
        settle(settings)
        if manner.yes:
            return _rounds(look(settings), only, manner, locks, groups)
    report = look(settings)
    plan = make_plan(report, only, groups)
    _show(plan, report, manner.verbose)
    if not plan.actions:
        return report.exit_status
    if not agreed():
        return 1
    with hold(settings) as locks:
        fresh = look(settings)
        if make_plan(fresh, only, groups).basis != plan.basis:
            tell(_("something changed since the plan was shown; nothing was done. Run `dualano-doctor fix` again"))
            return 1
        return _apply(plan, fresh, manner, locks)[0]


def repair_on_the_way(settings: Settings, only: frozenset[str] = frozenset(), manner: Manner = Manner()) -> None:
    """`repair` within another command: what goes wrong is told, and the look that follows shows what is left."""
    try:
        repair(settings, only, manner)
    except RepairError as error:
        complain(f"dualano-doctor: {error}")


def apply_saved(settings: Settings, file: Path, manner: Manner) -> int:
    """Makes the saved plan anew, refuses with the differences when it says anything else, and applies the new one."""
    from ..repairs.saved_plan import plan_again, read_saved

    _warn_of_stranger(settings)
    saved = read_saved(file)
    if not manner.yes:
        report = look(settings)
        _show(plan_again(saved, report, file), report, manner.verbose)
        if not agreed():
            return 1
    with hold(settings) as locks:
        settle(settings)
        report = look(settings)
        plan = plan_again(saved, report, file)
        if manner.yes:
            _show(plan, report, manner.verbose)
        return _apply(plan, report, manner, locks)[0] if plan.actions else report.exit_status


def _warn_of_stranger(settings: Settings) -> None:
    from ..system.ownership import stranger

    if warning := stranger(settings.project):
        complain(f"dualano-doctor: {warning}")


def _rounds(report: Report, only: frozenset[str], manner: Manner, locks: Locks, groups: tuple[str, ...] = ()) -> int:
    from ..repairs.plan import make_plan

    done: set[str] = set()
    for _round in range(ROUNDS):
        plan = make_plan(report, only, groups)
        if not plan.actions or plan.basis in done:
            break
        _show(plan, report, manner.verbose)
        done.add(plan.basis)
        status, after = _apply(plan, report, manner, locks)
        if after is None:
            return status
        report = after
    if not done:
        _show(plan, report, manner.verbose)
    return report.exit_status


def _apply(plan: Plan, report: Report, manner: Manner, locks: Locks) -> tuple[int, Report | None]:
    """Applies, looks again and tells. The second value is None when the fix failed and was taken back."""
    from ..repairs.journal.apply import apply_plan
    from ..repairs.plan import folders_of
    from ..report.terminal import render_report
    from ..settings.resolve import resolve_again

    locks.trees(folders_of(plan.actions))
    work = _session_for(plan, report)
    outcome = apply_plan(plan, work)
    if outcome.status:
        if not outcome.signal:
            complain(f"dualano-doctor: {outcome.problem}")
        rest = "\n".join((_("except:"), *outcome.left)) if outcome.left else _("nothing of it is left")
        complain(_("Everything this fix had changed was taken back; {rest}", rest=rest))
        complain(_("What the installers said is in {folder}", folder=outcome.journal.folder))
        outcome.end_as_asked()
        return outcome.status, None
    after = look(replace(resolve_again(report.settings), env=work.environment))
    tell(_("Done. `dualano-doctor undo {plan}` takes it back byte for byte.", plan=plan.id))
    style = Style.for_stream(report.settings.color, sys.stdout)
    sys.stdout.write(render_report(after, style, verbosity=-1 if manner.quiet else 0))
    return after.exit_status, after


def _session_for(plan: Plan, report: Report) -> Session:
    """What carrying the plan out works with: the environment it leaves, and the installers' own configuration."""
    from ..installers.user_configuration import user_configuration
    from ..repairs.planners.environment import environment_after, installers_of
    from ..rules.rule import Context

    context = Context(report.sheet, report.settings, report.profile)
    variables = user_configuration(installers_of(context)).variables
    return replace(session(report.settings), environment=environment_after(context, plan.actions), variables=variables)


def _show(plan: Plan, report: Report, verbose: int) -> None:
    from ..repairs.plan import findings_left
    from ..report.plan import render_plan

    left = findings_left(plan, report.findings)
    if not plan.actions and not left:
        print(_("Nothing to repair."))
        return
    sys.stdout.write(render_plan(plan, left, Style.for_stream(report.settings.color, sys.stdout), verbose))
    sys.stdout.flush()


def agreed() -> bool:
    """Whether the user, asked at the terminal, wants it applied. Says so where nothing is."""
    if not sys.stdin.isatty():
        print(_("Nothing was changed: there is no terminal to ask at. Say --yes to apply this plan."), file=sys.stderr)
        return False
    try:
        answer = input(_("Apply it? [y/N] "))
    except EOFError:
        answer = ""
    if answer.strip().lower() in ("y", "yes"):
        return True
    print(_("Nothing was changed."))
    return False
