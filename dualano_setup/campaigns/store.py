"""What is on disk of a campaign: its plan, each job's tries and results, and how far a step is."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError, WorkError
from ..explain.last_error import read_end
from ..language import _
from ..runs.folder import every
from ..runs.progress import from_metrics
from ..system.atomic import write_synced
from . import claims
from .plan import Job, Plan, from_document
from .retries import End, end_of

STOP_FILE, PLAN_FILE, AGAIN_FILE, HEAD = "stop.json", "plan.json", "again.json", "head"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step is. `done`: training steps, or accepted pairs."""

    done: int
    total: int | None = None
    seconds_per_step: float | None = None
    rejected: int | None = None


@dataclass(frozen=True, slots=True)
class JobView:
    """One job as it is on disk. `claim` is the newest, `alive` whether it holds."""

    job: Job
    commits: dict[str, dict[str, Any]]
    ends: tuple[End, ...]
    claim: claims.Claim | None
    alive: str  # state of the claim: "over", "live", "dead", "expired", "" without one

    @property
    def done(self) -> bool:
        """Whether all its steps are committed."""
        return all(step in self.commits for step in self.job.steps)

    @property
    def step(self) -> str:
        """The first step that is not committed, "" when all are."""
        return next((step for step in self.job.steps if step not in self.commits), "")


def campaigns_root(project: Path) -> Path:
    """Where the campaigns of a project are."""
    return project / "outputs" / "campaigns"


def load_plan(root: Path) -> Plan:
    """The plan of a campaign. Raises UsageError when there is none, WorkError when it cannot be read."""
    file = root / PLAN_FILE
    document = claims.read_json(file) if file.stat().st_size < (1 << 20) else json.loads(file.read_bytes())
    if document is None:
        raise WorkError(_("{file} cannot be read; `dualano-doctor campaign plan` makes a new one", file=file))
    try:
        return from_document(document)
    except ValueError as error:
        raise WorkError(_("{file} cannot be used: {error}", file=file, error=error)) from error


def save_plan(root: Path, plan: Plan) -> None:
    """Writes plan.json atomically. Raises OSError."""
    root.mkdir(parents=True, exist_ok=True)
    temporary = root / f".{PLAN_FILE}.{os.getpid()}"
    write_synced(temporary, json.dumps(plan.document(), indent=1).encode(), 0o644)
    temporary.replace(root / PLAN_FILE)


def find(project: Path, name: str) -> Path:
    """The folder of the campaign of that name. Raises UsageError when there is none."""
    root = campaigns_root(project) / name
    if not (root / PLAN_FILE).is_file():
        there = sorted(path.parent.name for path in campaigns_root(project).glob(f"*/{PLAN_FILE}"))
        known = ", ".join(there) or _("none")
        raise UsageError(_("no campaign is called {name!r}; there are: {known}. `dualano-doctor campaign run {name}` "
                           "starts one", name=name, known=known))  # fmt: skip
    return root


def look(root: Path, job: Job) -> JobView:
    """One job as it is now. Of one that is done, its tries are not looked at."""
    folder = root / "jobs" / job.id
    commits = claims.committed(folder)
    if all(step in commits for step in job.steps):
        return JobView(job, commits, (), None, "over")
    numbers = claims.numbers_of(folder)
    newest = claims.Claim(folder / claims.CLAIMS / str(numbers[-1]), numbers[-1]) if numbers else None
    alive = newest.state() if newest else ""
    return JobView(job, commits, tuple(_ends(folder, numbers, alive)), newest, alive)


def ends_of(folder: Path) -> list[End]:
    """How the tries ended, oldest first, since the user asked for new ones; the one that still holds is none."""
    newest = claims.newest(folder)
    return _ends(folder, claims.numbers_of(folder), newest.state() if newest else "")


def _ends(folder: Path, numbers: list[int], alive: str) -> list[End]:
    if not numbers:
        return []
    from_number = (claims.read_json(folder / AGAIN_FILE) or {}).get("after", 0)
    ended = numbers[:-1] if alive in ("live", "expired") else numbers
    rows = (claims.Claim(folder / claims.CLAIMS / str(number), number) for number in ended if number > from_number)
    return [end_of(claim.end(), claim.number) for claim in rows]


def forgive(root: Path, job: str) -> None:
    """Gives a job that was set aside its whole budget again."""
    folder = root / "jobs" / job
    numbers = claims.numbers_of(folder)
    if numbers:
        claims.write_json(folder / AGAIN_FILE, {"after": numbers[-1]})


def progress_of(root: Path, view: JobView) -> Progress | None:
    """How far the step at hand is."""
    if view.claim is None or not view.step:
        return None
    return progress_in(view.step, root / "jobs" / view.job.id / f"{view.step}.{view.claim.number}")


def progress_in(step: str, folder: Path) -> Progress | None:
    """How far the step that writes into this folder is; None before its first sign, and for steps without any."""
    if step == "train":
        file = folder / "metrics.jsonl"
        seen = from_metrics(read_end(file, 64_000), 0) if file.is_file() else None
        return Progress(seen.step, None, seen.seconds_per_step) if seen else None
    if step == "generate":
        return _pairs(folder / "manifest.jsonl")
    return None


def _pairs(manifest: Path) -> Progress | None:
    accepted = rejected = 0
    try:
        with manifest.open("rb") as file:
            for line in file:
                try:
                    row = json.loads(line)
                except ValueError:
                    continue
                if isinstance(row, dict) and "index" in row:
                    accepted += not row.get("rejected")
                    rejected += bool(row.get("rejected"))
    except OSError:
        return None
    return Progress(accepted, rejected=rejected)


def run_log_of(project: Path, output: Path, since: float) -> Path | None:
    """The log of the training run that wrote there, if it was started since."""
    for run in reversed(every(project / ".dualano")):
        record = run.record()
        if record is None or record.created < since - 1:
            return None
        if Path(record.output) == output:
            return run.log
    return None
