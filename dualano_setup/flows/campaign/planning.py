"""Makes the plan of a campaign, looks into its data before anything is queued, and holds it against the one on disk."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...campaigns import claims
from ...campaigns.commands import variables_of
from ...campaigns.plan import Plan, difference, make_plan, overturned, without_bad
from ...campaigns.store import PLAN_FILE, campaigns_root, load_plan
from ...errors import UsageError
from ...language import _
from ...light_dataclasses import replace
from ...settings.campaign import STEPS, CampaignSettings, settled, typed

if TYPE_CHECKING:
    from ...check import Report
    from ...settings.options import Settings


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says. `accepts` and `evaluates`: whether this version's commands can do that."""

    flags: Mapping[str, Any]
    replace: bool = False
    force: bool = False
    partial: bool = False
    accepts: bool = False
    evaluates: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan as it is wanted now, the one on disk if there is one, and how they differ."""

    root: Path
    campaign: CampaignSettings
    plan: Plan
    stored: Plan | None
    differences: tuple[str, ...] = ()


def planned(settings: Settings, asked: Asked) -> Planned:
    """Compares what is wanted with what is on disk; the data are listed, not looked into.

    A campaign that is there already keeps the flags with which it was planned, unless others are given.
    Raises UsageError for what is not there, WorkError for a plan that cannot be read.
    """
    first = settled(asked.flags, settings.campaign)
    root = campaigns_root(settings.project) / first.name
    stored = load_plan(root) if (root / PLAN_FILE).is_file() else None
    said = {key: typed(key, value, key) for key, value in stored.how["said"].items()} if stored else {}
    settings = _with_flags(settings, stored.how["flags"] if stored else {})
    table = settings.campaign
    if "steps" not in {**table, **said, **asked.flags} and not asked.evaluates:
        table = {**table, "steps": tuple(step for step in STEPS if step != "evaluate")}
    campaign = settled(asked.flags, said, table)
    plan = make_plan(settings, campaign, how_of(settings, campaign, asked, {**said, **asked.flags}))
    if stored is None:
        return Planned(root, campaign, plan, None)
    same = {job.id: job.data for job in plan.jobs}
    bad = {job.id: job.problems for job in stored.jobs if job.problems and job.anomaly and same.get(job.id) == job.data}
    plan = without_bad(plan, bad)
    return Planned(root, campaign, plan, stored, tuple(difference(stored, plan)))


def how_of(settings: Settings, campaign: CampaignSettings, asked: Asked, said: Mapping[str, Any]) -> dict[str, Any]:
    """Where and how the jobs run: what may change between two starts of a campaign."""
    keys = ("retries", "lease", "executor", "workers", "account", "partition", "gres", "time", "container", "python",
            "warn_seconds", "notify")  # fmt: skip
    lists = ("gpus", "hosts", "sbatch_arguments")
    return {
        "doctor": [campaign.python or sys.executable, "-m", "dualano_setup"],
        "project": str(settings.project),
        "variables": variables_of(settings),
        "accepts": asked.accepts,
        "keep": campaign.keep_checkpoints,
        "partial": asked.partial,
        "said": {key: list(value) if isinstance(value, tuple) else value for key, value in said.items()},
        "flags": {key: _text(getattr(settings, key)) for key, by in settings.said_by.items() if by.startswith("--")},
        **{key: getattr(campaign, key) for key in keys},
        **{key: list(getattr(campaign, key)) for key in lists},
    }


def accepted(found: Planned, asked: Asked) -> tuple[Plan | None, list[str]]:
    """The plan to go by, and what to say; None when the plan on disk says otherwise and may not be replaced."""
    if found.stored is None or not found.differences:
        return found.plan, []
    lines = [_("the plan on disk ({digest}) differs from what is asked now ({now}):", digest=found.stored.digest[:12],
               now=found.plan.digest[:12]), *(f"  {line}" for line in found.differences)]  # fmt: skip
    begun = {job.id: claims.committed(found.root / "jobs" / job.id) for job in found.stored.jobs}
    lost = overturned(found.stored, found.plan, begun)
    if asked.replace and not lost:
        return found.plan, [*lines, _("it is replaced (--replace); no finished step is touched")]
    if lost:
        lines.append(
            _("steps of {jobs} are finished by the old plan. Put the settings back, or give another name: "
              "`dualano-doctor campaign run NAME`", jobs=", ".join(lost[:5]) + (" ..." if len(lost) > 5 else "")),
        )  # fmt: skip
    else:
        lines.append(_("put the settings back, or say --replace: nothing that is finished would change"))
    return None, lines


def looked_into(settings: Settings, plan: Plan, report: Report) -> Plan:
    """The plan with what `check` finds wrong with the data of each anomaly; what cannot work is left out."""
    from ...facts.project import contents, dataset
    from ...rules.judge import judge
    from ...rules.registry import RULES
    from ...rules.rule import Context

    rules = [rule for rule in RULES if rule.id.startswith("DATA")]
    jobs = [job for job in plan.jobs if job.anomaly]
    problems: dict[str, tuple[str, ...]] = {}
    terminal = sys.stderr.isatty()
    for number, job in enumerate(jobs, 1):
        if terminal:
            sys.stderr.write(_("\r\x1b[Klooking at the data: {number} of {all}, {job}", number=number, all=len(jobs),
                               job=job.id))  # fmt: skip
            sys.stderr.flush()
        own = replace(settings, category=job.category, anomaly=job.anomaly)
        data = dataset.probe(own)
        seen = contents.probe(own, data, report.sheet.environment)
        sheet = replace_fields(report.sheet, dataset=data, contents=seen)
        findings = judge(Context(sheet, own, report.profile), rules)
        problems[job.id] = tuple(
            f"{finding.rule} {finding.title}: {finding.detail}".strip(": ")
            for finding in findings
            if finding.status == "fail"
        )
    if terminal:
        sys.stderr.write("\r\x1b[K")
    return without_bad(plan, problems)


def look_once(settings: Settings, plan: Plan) -> Report:
    """One look at machine, environment and model, as `train` has it, with the first anomaly's data."""
    from ...check import look

    first = next((job for job in plan.jobs if job.anomaly), None)
    if first is None:
        raise UsageError(_("the plan has no anomaly"))
    return look(replace(settings, category=first.category, anomaly=first.anomaly))


def _with_flags(settings: Settings, flags: Mapping[str, Any]) -> Settings:
    """The settings with the flags of the start before, where this command line gives no other."""
    from ...settings.resolve import resolve

    kept = {key: value for key, value in flags.items() if not settings.said_by.get(key, "").startswith("--")}
    if not kept:
        return settings
    now = {key: getattr(settings, key) for key, by in settings.said_by.items() if by.startswith("--")}
    return resolve({**kept, **now}, os.environ, settings.project)


def _text(value: object) -> object:
    return str(value) if isinstance(value, Path) else value
