"""`campaign status` and `campaign report`: what there is to see, from the files alone."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...campaigns import claims
from ...campaigns.leftovers import found_here
from ...campaigns.plan import Plan
from ...campaigns.state import ASIDE, DONE, Row, document, snapshot
from ...campaigns.store import HEAD, find, load_plan
from ...language import _
from ...report.terminal import Style
from ...text.json_text import json_text
from .words import table

if TYPE_CHECKING:
    from ...settings.options import Settings

REPORT = "report"


def status(settings: Settings, name: str, *, as_json: bool) -> int:
    """Prints where every job stands; 1 when some are set aside. Raises UsageError for a campaign that is not there."""
    root = find(settings.project, name)
    plan = load_plan(root)
    rows = snapshot(root, plan)
    places = len(plan.how["gpus"]) or plan.how["workers"] or 1
    if as_json:
        print(json_text({**document(root, plan, rows, places), "head": _head(root)}))
    else:
        sys.stdout.write(table(rows, Style.for_stream(settings.color, sys.stdout), whole=True, places=places))
        head = _head(root)
        if head:
            print(_("run by process {pid} on {host}", pid=head["pid"], host=head["host"]))
        elif any(row.state not in (DONE, ASIDE) for row in rows):
            print(_("nobody runs it now; `dualano-doctor campaign resume {name}` goes on", name=name))
        for left in found_here():
            if left.campaign == root and not left.held:
                print(_("left over of {job}: processes {pids}; `campaign resume` ends them", job=left.job.name,
                        pids=", ".join(map(str, left.pids))))  # fmt: skip
    return 1 if any(row.state == ASIDE for row in rows) else 0


def report(settings: Settings, name: str) -> int:
    """Writes report.json and report.md into the campaign's folder: every job, its steps, and what was evaluated."""
    root = find(settings.project, name)
    plan = load_plan(root)
    rows = snapshot(root, plan)
    content = document(root, plan, rows, 1) | {"wanted": plan.wanted, "evaluations": _evaluations(root, rows)}
    claims.write_json(root / f"{REPORT}.json", content)
    (root / f"{REPORT}.md").write_text(_markdown(root, plan, rows, content["evaluations"]), encoding="utf-8")
    for file in (root / f"{REPORT}.md", _page(settings, root)):
        if file is not None:
            print(file)
    return 0


def _page(settings: Settings, root: Path) -> Path | None:
    """The page to look at, in versions that make one."""
    try:
        page: Any = import_module("dualano_setup.flows.report")
    except ModuleNotFoundError:
        return None
    made: Path = page.report(settings, str(root), None)
    return made


def _head(root: Path) -> dict[str, Any] | None:
    claim = claims.newest(root / HEAD)
    holder = claim.holder() if claim and claim.state() == "live" else None
    return {"pid": holder.pid, "host": holder.host} if holder else None


def _evaluations(root: Path, rows: list[Row]) -> list[dict[str, Any]]:
    """What `evaluate` wrote, by category."""
    found = []
    for row in rows:
        commit = (row.commits or {}).get("evaluate")
        if commit:
            seen = claims.read_json(root / "jobs" / row.job.id / str(commit["folder"]) / "evaluation.json")
            found.append({"category": row.job.category, **(seen or {})})
    return found


def _markdown(root: Path, plan: Plan, rows: list[Row], evaluations: list[dict[str, Any]]) -> str:
    lines = [f"# {plan.name}", "", _("Plan {digest}, in {root}", digest=plan.digest, root=root), "",
             "| " + " | ".join((_("job"), _("state"), _("steps"), _("accepted"), _("minutes"), _("remark"))) + " |",
             "| --- | --- | --- | ---: | ---: | --- |"]  # fmt: skip
    for row in rows:
        commits = row.commits or {}
        minutes = sum(float(commit.get("seconds", 0)) for commit in commits.values()) / 60
        accepted = commits.get("generate", {}).get("done", "")
        cells = (row.job.id, row.state, ", ".join(step for step in row.job.steps if step in commits), accepted,
                 f"{minutes:.1f}", row.words.replace("|", "\\|"))  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    for evaluation in evaluations:
        lines += ["", f"## {evaluation['category']} ({evaluation.get('protocol', '')})", ""]
        table_rows = [one for one in evaluation.get("rows", ()) if isinstance(one, dict)]
        names = list(dict.fromkeys(name for one in table_rows for name in one.get("metrics", {})))
        if names:
            lines += ["| training | task | " + " | ".join(names) + " |", "| --- | --- |" + " ---: |" * len(names)]
            lines += [f"| {one.get('training')} | {one.get('task')} | "
                      + " | ".join(str(one.get("metrics", {}).get(name, "")) for name in names) + " |"
                      for one in table_rows]  # fmt: skip
    return "\n".join(lines) + "\n"
