"""A campaign in words: its plan, its table, and the line that each change is worth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...campaigns.estimate import CARD, estimate, gibibytes
from ...campaigns.plan import Plan
from ...campaigns.retries import Decision
from ...campaigns.state import ASIDE, DONE, RUNNING, WAITING, WORDS, Row, counts, remaining_seconds
from ...language import _
from ...report.terminal import Style
from ...runs.progress import duration
from ...text.printable import printable

_SHOWN = 200
_COLORS = {DONE: "32", RUNNING: "36", ASIDE: "31;1"}


def plan_text(plan: Plan, root: Path, style: Style) -> str:
    """What a plan is: jobs, what it takes, and what cannot work."""
    working = [job for job in plan.working if job.anomaly]
    exports = sum("export" in job.steps for job in plan.working)
    lines = [
        style.paint(_("campaign {name}", name=plan.name), "1") + f"  {plan.digest[:12]}  {root}",
        _("  {jobs} anomalies in {categories} categories: {steps}", jobs=len(working),
          categories=len({job.category for job in working}), steps=" · ".join(plan.wanted["steps"])),
    ]  # fmt: skip
    if "generate" in plan.wanted["steps"]:
        lines.append(_("  {accepted} accepted pairs each, {exports} data sets to export",
                       accepted=plan.wanted["accepted"], exports=exports))  # fmt: skip
    costs = estimate(plan)
    lines.append(
        _("  about {hours:.1f} GPU-hours on one {card} ({steps} steps each; other cards are slower), reckoned from "
          "docs' measured steps and pairs as if every pair were accepted; evaluation not counted",
          hours=costs.gpu_hours, card=CARD, steps=plan.train_steps)
    )  # fmt: skip
    lines.append(_("  about {disk:.1f} GiB of disk, and {peak:.1f} GiB more for each job that trains",
                   disk=gibibytes(costs.disk), peak=gibibytes(costs.peak)))  # fmt: skip
    for job in plan.jobs[:_SHOWN]:
        if not job.problems:
            made_of = _("of {count} anomalies", count=len(job.needs)) if job.needs else ""
            images = _("{count} images", count=job.images) if job.anomaly else made_of
            lines.append(f"  {job.id}: {' · '.join(job.steps)}  ({images})")
    if len(plan.jobs) > _SHOWN:
        lines.append(_("  ... and {count} more", count=len(plan.jobs) - _SHOWN))
    if bad := [job for job in plan.jobs if job.problems]:
        lines.append(style.paint(_("  {count} jobs cannot work and are left out:", count=len(bad)), "31;1"))
        lines += [f"    {job.id}: {printable(problem)}" for job in bad for problem in job.problems]
    return "\n".join(lines) + "\n"


def line_of(row: Row) -> str:
    """One job in one line."""
    parts = [row.job.id, _(WORDS[row.state])]
    if row.state in (RUNNING, WAITING) and row.step:
        parts.append(row.step)
    if row.progress is not None:
        done = row.progress.done
        parts.append(f"{done}/{row.total}" if row.total else str(done))
        if row.progress.seconds_per_step is not None:
            parts.append(_("{seconds:.3g} s/step", seconds=row.progress.seconds_per_step))
        if row.progress.rejected:
            parts.append(_("{count} rejected", count=row.progress.rejected))
    if row.remaining is not None:
        parts.append(_("{left} left", left=duration(row.remaining)))
    if row.place:
        parts.append(row.place)
    if row.tries:
        parts.append(_("try {number}", number=row.tries + 1))
    if row.words:
        parts.append(printable(row.words))
    return "  ".join(parts)


def summary_line(rows: Sequence[Row], places: int) -> str:
    """How many jobs are where, and how long it will be."""
    found = counts(list(rows))
    parts = [f"{found[state]} {_(WORDS[state])}" for state in WORDS if found[state]]
    left = remaining_seconds(list(rows), places)
    if left:
        parts.append(_("about {left} left", left=duration(left)))
    return _("{count} jobs: {states}", count=len(rows), states=", ".join(parts))


def table(rows: Sequence[Row], style: Style, *, whole: bool, places: int = 1) -> str:
    """The campaign's table: what runs and what failed, with `whole` all of it, and a line of sums."""
    shown = [row for row in rows if whole or row.state not in (DONE, WAITING) or (row.state == WAITING and row.words)]
    lines = [style.paint(line_of(row), _COLORS.get(row.state, "0")) if style.color else line_of(row) for row in shown]
    return "\n".join([*lines[:_SHOWN], summary_line(rows, places)]) + "\n"


def change_line(name: str, state: str, decision: Decision, words: str) -> str:
    """What is said when a job's state has changed, in a log."""
    why = decision.aside or words
    return f"{name}: {_(WORDS[state])}" + (f" ({printable(why)})" if why else "")
