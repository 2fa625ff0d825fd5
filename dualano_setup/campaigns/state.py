"""Where every job of a campaign stands, from what is on disk. Pure but for `snapshot`, which reads it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..language import N_
from .plan import Job, Plan
from .retries import Decision, decide
from .store import JobView, Progress, look, progress_of

DONE, RUNNING, WAITING, ASIDE, BLOCKED, LEFT_OUT = "done", "running", "waiting", "aside", "blocked", "left-out"
WORDS = {
    DONE: N_("done"),
    RUNNING: N_("running"),
    WAITING: N_("waiting"),
    ASIDE: N_("set aside"),
    BLOCKED: N_("blocked"),
    LEFT_OUT: N_("left out"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One job for people and programs."""

    job: Job
    state: str
    step: str  # the one at hand or next
    words: str  # why it waits, was set aside, or is being tried again
    tries: int
    place: str = ""
    progress: Progress | None = None
    total: int | None = None
    commits: Mapping[str, Mapping[str, Any]] | None = None

    @property
    def remaining(self) -> float | None:
        """Seconds to the end of the step at hand, where its pace is known."""
        pace = self.progress.seconds_per_step if self.progress else None
        return max(0, self.total - self.progress.done) * pace if pace and self.total and self.progress else None

    def document(self) -> dict[str, Any]:
        """For --json."""
        progress = self.progress
        return {
            "job": self.job.id, "category": self.job.category, "anomaly": self.job.anomaly or None,
            "state": self.state, "step": self.step or None, "words": self.words, "tries": self.tries,
            "place": self.place or None, "done": progress.done if progress else None, "of": self.total,
            "seconds_per_step": progress.seconds_per_step if progress else None,
            "remaining_seconds": self.remaining,
            "steps": {step: dict(commit) for step, commit in (self.commits or {}).items()},
        }  # fmt: skip


def state_of(view: JobView, decision: Decision, needs: Mapping[str, str], *, partial: bool) -> str:
    """The state of a job. `needs`: the states of the jobs that it is made of."""
    if view.job.problems:
        return LEFT_OUT
    if view.done:
        return DONE
    if view.alive == "live":
        return RUNNING
    if decision.aside:
        return ASIDE
    missing = [state for state in needs.values() if state != DONE]
    if missing and all(state in (ASIDE, BLOCKED, LEFT_OUT) for state in missing):
        return WAITING if partial and len(missing) < len(needs) else BLOCKED
    return WAITING


def is_ready(view: JobView, needs: Mapping[str, str], *, partial: bool) -> bool:
    """Whether nothing stands before a waiting job any more."""
    settled = (DONE, ASIDE, BLOCKED, LEFT_OUT) if partial else (DONE,)
    return not view.done and all(state in settled for state in needs.values())


def snapshot(root: Path, plan: Plan) -> list[Row]:
    """Every job as it is on disk now, in the plan's order."""
    rows: list[Row] = []
    states: dict[str, str] = {}
    for job in plan.jobs:
        view = look(root, job)
        rows.append(row_of(root, plan, view, states))
        states[job.id] = rows[-1].state
    return rows


def row_of(root: Path, plan: Plan, view: JobView, states: Mapping[str, str]) -> Row:
    """One job's row, given the states of the jobs before it."""
    job, decision = view.job, decide(view.ends, plan)
    needs = {need: states.get(need, WAITING) for need in job.needs}
    state = state_of(view, decision, needs, partial=bool(plan.how.get("partial")))
    words = "; ".join(job.problems) if job.problems else decision.aside
    if not words and state == WAITING and view.ends:
        words = view.ends[-1].words
    if state == BLOCKED:
        words = ", ".join(need for need, at in needs.items() if at != DONE)
    place, progress = "", None
    if state == RUNNING and view.claim:
        holder = view.claim.holder()
        place = (holder.place or holder.host) if holder else ""
        progress = progress_of(root, view)
    totals = {"train": plan.train_steps, "generate": plan.wanted["accepted"]}
    return Row(job, state, "" if state == DONE else view.step, words, decision.tries, place, progress,
               totals.get(view.step), view.commits)  # fmt: skip


def counts(rows: list[Row]) -> Counter[str]:
    """How many jobs are in each state."""
    return Counter(row.state for row in rows)


def remaining_seconds(rows: list[Row], places: int) -> float | None:
    """Seconds to the end of all, by the steps that are done already; None before the first is."""
    mean: dict[str, list[float]] = {}
    for row in rows:
        for step, commit in (row.commits or {}).items():
            mean.setdefault(step, []).append(float(commit.get("seconds", 0.0)))
    total = 0.0
    for row in rows:
        if row.state not in (RUNNING, WAITING):
            continue
        for step in row.job.steps:
            if step in (row.commits or {}):
                continue
            if step == row.step and row.remaining is not None:
                total += row.remaining
            elif step not in mean:
                return None
            else:
                total += sum(mean[step]) / len(mean[step])
    return total / max(1, places)


def document(root: Path, plan: Plan, rows: list[Row], places: int) -> dict[str, Any]:
    """For --json."""
    return {
        "schema": 1, "campaign": plan.name, "folder": str(root), "digest": plan.digest, "at": time.time(),
        "summary": {state: counts(rows)[state] for state in WORDS},
        "remaining_seconds": remaining_seconds(rows, places), "jobs": [row.document() for row in rows],
    }  # fmt: skip
