"""`dualano-doctor fix`: show the plan, ask, apply, look again."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..language import _

if TYPE_CHECKING:
    from ..check import Report
    from ..repairs.action import Plan
    from ..repairs.journal.apply import Session
    from ..repairs.journal.lock import Locks
    from ..settings.options import Settings


ROUNDS = 3  # a repair can uncover what its finding hid; with --yes that is repaired in the same run


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 when nothing blocks afterwards, 1 when something does or the work failed.

    Raises KeyboardInterrupt after a Ctrl-C, once everything is taken back.
    """
    if getattr(arguments, "json_schema", False):  # `train --fix` comes here without it
        from ..report.document import schema_text

        sys.stdout.write(schema_text("plan"))
        return 0
    from ..errors import RepairError, UsageError
    from ..rules.selection import chosen_rules
    from ..settings.resolve import resolve

    settings = resolve(vars(arguments))
    only = chosen_rules(arguments.only, "--only")
    if arguments.json and not arguments.plan:
        raise UsageError(_("fix --json goes with --plan: it prints the plan and changes nothing"))
    if saved_plan(arguments) and (arguments.plan or only):
        raise UsageError(_("fix --apply takes its rules from the saved plan; leave out --plan and --only"))
    from ..system.ownership import stranger
    from ..text.printable import printable

    if warning := stranger(settings.project):
        print(f"dualano-doctor: {printable(warning)}", file=sys.stderr)
    try:
        if saved_plan(arguments):
            return _keep_promise(settings, arguments)
        if arguments.plan:
            return _show_only(settings, only, arguments)
        return _repair(settings, only, arguments)
    except RepairError as error:
        print(f"dualano-doctor: {printable(str(error))}", file=sys.stderr)
        return 1


def _show_only(settings: Settings, only: frozenset[str], arguments: argparse.Namespace) -> int:
    import json

    from ..check import look
    from ..facts.fixes import unreadable, unsettled
    from ..repairs.plan import make_plan
    from ..repairs.saved_plan import promise
    from ..text.printable import printable

    told = [
        _("fix {fix} runs just now or was cut off; the next `fix` or `undo` settles it", fix=fix)
        for fix in unsettled(settings.project)
    ]
    for line in told + unreadable(settings.project):
        print(printable(line), file=sys.stderr)
    report = look(settings)
    plan = make_plan(report, only)
    if arguments.json:
        sys.stdout.write(json.dumps(promise(report, plan, only), indent=2) + "\n")
    else:
        _show(plan, report, settings, arguments)
    return 0


def _repair(settings: Settings, only: frozenset[str], arguments: argparse.Namespace) -> int:
    """With --yes the lock is held from the first look on, so that each of several doctors sees what the last did."""
    from ..check import look
    from ..repairs.journal.lock import locked
    from ..repairs.journal.undo import not_followed, recover
    from ..repairs.plan import make_plan

    trees = [path for path in (settings.checkout, settings.env) if path]
    with locked(settings.project, trees, say=_tell) as locks:
        for told in recover(settings.project, _session(settings).workshop) + not_followed(settings.project):
            _tell(told)
        if arguments.yes:
            return _rounds(settings, only, arguments, locks)
    report = look(settings)
    plan = make_plan(report, only)
    _show(plan, report, settings, arguments)
    if not plan.actions:
        return report.exit_status
    if not _agreed():
        return 1
    with locked(settings.project, trees, say=_tell) as locks:
        fresh = look(settings)
        if make_plan(fresh, only).basis != plan.basis:
            _tell(_("something changed since the plan was shown; nothing was done. Run `dualano-doctor fix` again"))
            return 1
        return _apply(plan, fresh, settings, arguments, locks)[0]


def saved_plan(arguments: argparse.Namespace) -> str | None:
    """The file that --apply names, if any; `train --fix` comes here without one."""
    named: str | None = getattr(arguments, "apply", None)
    return named


def _keep_promise(settings: Settings, arguments: argparse.Namespace) -> int:
    """Makes the saved plan anew, refuses with the differences when it says anything else, and applies the new one."""
    from ..check import look
    from ..repairs.journal.lock import locked
    from ..repairs.journal.undo import not_followed, recover
    from ..repairs.saved_plan import plan_again, read_promise

    file = Path(arguments.apply)
    saved = read_promise(file)
    trees = [path for path in (settings.checkout, settings.env) if path]
    if not arguments.yes:
        report = look(settings)
        _show(plan_again(saved, report, file), report, settings, arguments)
        if not _agreed():
            return 1
    with locked(settings.project, trees, say=_tell) as locks:
        for told in recover(settings.project, _session(settings).workshop) + not_followed(settings.project):
            _tell(told)
        report = look(settings)
        plan = plan_again(saved, report, file)
        if arguments.yes:
            _show(plan, report, settings, arguments)
        return _apply(plan, report, settings, arguments, locks)[0] if plan.actions else report.exit_status


def _rounds(settings: Settings, only: frozenset[str], arguments: argparse.Namespace, locks: Locks) -> int:
    from ..check import look
    from ..repairs.plan import make_plan

    report = look(settings)
    done: set[str] = set()
    for _round in range(ROUNDS):
        plan = make_plan(report, only)
        if not plan.actions or plan.basis in done:
            break
        _show(plan, report, settings, arguments)
        done.add(plan.basis)
        status, after = _apply(plan, report, report.settings, arguments, locks)
        if after is None:
            return status
        report = after
    if not done:
        _show(plan, report, settings, arguments)
    return report.exit_status


def _apply(
    plan: Plan, report: Report, settings: Settings, arguments: argparse.Namespace, locks: Locks
) -> tuple[int, Report | None]:
    """Applies, looks again and tells. The second value is None when the fix failed and was taken back."""
    from ..check import look
    from ..repairs.journal.apply import apply_plan
    from ..repairs.plan import folders_of
    from ..report.terminal import Style, render_report
    from ..settings.resolve import resolve
    from ..text.say import complain

    locks.trees(folders_of(plan.actions))
    session = _session(settings, report, plan)
    outcome = apply_plan(plan, session)
    if outcome.status:
        if not outcome.signal:
            complain(f"dualano-doctor: {outcome.problem}")
        rest = "\n".join((_("except:"), *outcome.left)) if outcome.left else _("nothing of it is left")
        complain(_("Everything this fix had changed was taken back; {rest}", rest=rest))
        complain(_("What the installers said is in {folder}", folder=outcome.journal.folder))
        outcome.end_as_asked()
        return outcome.status, None
    # Resolved anew: the fix may have written dualano.toml.
    after = look(replace(resolve(vars(arguments)), env=session.environment))
    _tell(_("Done. `dualano-doctor undo {plan}` takes it back byte for byte.", plan=plan.id))
    style = Style.for_stream(settings.color, sys.stdout)
    sys.stdout.write(render_report(after, style, verbosity=-1 if arguments.quiet else 0))
    return after.exit_status, after


def _session(settings: Settings, report: Report | None = None, plan: Plan | None = None) -> Session:
    """What the actions work with; the installers' own configuration only where a plan is to be carried out."""
    from ..repairs.journal.apply import Session

    if report is None or plan is None:
        return Session(settings.project, settings.env, settings.offline, _tell)
    from ..installers.hand_over import hand_over
    from ..repairs.planners.environment import environment_after, installers_of
    from ..rules.rule import Context

    context = Context(report.sheet, settings, report.profile)
    variables = hand_over(installers_of(context)).variables
    return Session(settings.project, environment_after(context, plan.actions), settings.offline, _tell, variables)


def _show(plan: Plan, report: Report, settings: Settings, arguments: argparse.Namespace) -> None:
    from ..repairs.plan import findings_left
    from ..report.plan import render_plan
    from ..report.terminal import Style

    left = findings_left(plan, report.findings)
    if not plan.actions and not left:
        print(_("Nothing to repair."))
        return
    style = Style.for_stream(settings.color, sys.stdout)
    sys.stdout.write(render_plan(plan, left, style, arguments.verbose))
    sys.stdout.flush()


def _agreed() -> bool:
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


def _tell(line: str) -> None:
    from ..text.say import tell

    tell(line)
