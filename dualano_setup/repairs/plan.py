"""From findings to one ordered plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..language import _
from ..rules.finding import Finding
from ..rules.rule import Context
from .action import Action, Plan, Planned
from .actions.environment import MakeEnvironment
from .actions.files import WriteFile
from .journal.journal import new_id
from .journal.serial import fingerprint
from .planners import accelerate, dataset, environment, masks, model, patches, requirements, train_settings

if TYPE_CHECKING:
    from ..check import Report


class Planner(Protocol):
    """A module that plans repairs."""

    @property
    def RULES(self) -> tuple[str, ...]:  # noqa: N802 - a module's constant
        """The rules it answers."""

    def plan(self, context: Context, findings: Sequence[Finding]) -> Planned:
        """What it proposes for these findings. Raises RepairError."""


# In this order: quick and cheap first, so that what will fail fails early; tools that need the environment after it.
PLANNERS: tuple[Planner, ...] = (
    requirements,
    patches,
    accelerate,
    environment,
    model,
    dataset,
    masks,
    train_settings,
)


def make_plan(report: Report, only: frozenset[str] = frozenset(), groups: tuple[str, ...] = ()) -> Plan:
    """The plan for everything that is wrong and repairable; `only` narrows it to those rules.

    `groups` are optional packages that the training environment is to have besides.

    Raises RepairError when something cannot be planned (and so not repaired).
    """
    context = Context(report.sheet, report.settings, report.profile)
    # What the settings suppress is left alone, unless the user names it now.
    rows = (*report.findings, *(one.finding for one in report.suppressed if one.finding.rule in only))
    wrong = [f for f in rows if f.status in ("fail", "warn") and (not only or f.rule in only)]
    planned = Planned()
    for planner in PLANNERS:
        looks = [(context, wrong)]
        if planner is dataset and report.looks:
            looks = [
                (Context(look.sheet, look.settings, report.profile), [f for f in wrong if f in look.findings])
                for look in report.looks
            ]
        for seen, findings in looks:
            mine = [f for f in findings if f.repairable and f.rule in planner.RULES]
            if planner is environment and (mine or groups):
                planned += environment.plan(seen, mine, groups)
            elif mine:
                planned += planner.plan(seen, mine)
    # Images of several anomalies share the good ones' masks.
    ordered, deferred = merge_writes(list(dict.fromkeys(planned.actions)))
    later = [_("{path} needs a second edit, which the next round of `fix` makes", path=path) for path in deferred]
    answered = {rule for action in ordered for rule in action.rules}
    left = tuple(dict.fromkeys(f.rule for f in wrong if f.rule not in answered))
    notes = tuple(dict.fromkeys((*planned.notes, *later)))
    return Plan(new_id(report.settings.project), ordered, fingerprint(ordered), left, notes)


def targets_of(actions: Sequence[Action]) -> list[Path]:
    """The paths that the actions would change, each once."""
    paths: list[Path] = []
    for action in actions:
        paths += [getattr(action, name) for name in ("path", "target") if hasattr(action, name)]
        paths += getattr(action, "outputs", ())
    return list(dict.fromkeys(paths))


def folders_of(actions: Sequence[Action]) -> list[Path]:
    """The folders to lock for them: an environment itself, and of every other target the folder that it lies in."""
    targets = {action.target for action in actions if isinstance(action, MakeEnvironment)}
    return [path if path in targets else path.parent for path in targets_of(actions)]


def merge_writes(actions: Sequence[Action]) -> tuple[tuple[Action, ...], tuple[Path, ...]]:
    """The actions with several edits of one file made into one, so that each file has one before-image.

    An edit that was not computed from the one before it cannot be merged: it is left out, its path comes back beside
    the actions, and a later look at the file plans it anew.
    """
    merged: list[Action] = []
    deferred: list[Path] = []
    place: dict[Path, int] = {}
    for action in actions:
        if not isinstance(action, WriteFile) or action.path not in place:
            if isinstance(action, WriteFile):
                place[action.path] = len(merged)
            merged.append(action)
            continue
        first = merged[place[action.path]]
        assert isinstance(first, WriteFile)
        if action.before_sha256 != first.after_sha256:
            deferred.append(action.path)
            continue
        rules = tuple(dict.fromkeys((*first.rules, *action.rules)))
        why = f"{first.why}; {action.why}"
        merged[place[action.path]] = replace(first, content=action.content, rules=rules, why=why)
    return tuple(merged), tuple(deferred)


def findings_left(plan: Plan, findings: Sequence[Finding]) -> list[Finding]:
    """The findings that the plan leaves to the user."""
    return [f for f in findings if f.rule in plan.not_repairable and f.status in ("fail", "warn")]
