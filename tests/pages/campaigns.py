"""A campaign as `dualano-doctor campaign` leaves it on the disk."""

from __future__ import annotations

import json
from pathlib import Path

from tests.pages.made_up import write_metrics, write_pairs, write_real

STEPS = ("train", "generate", "masks")


def made_up_campaign(project: Path, name: str, jobs: int, *, steps: int = 40, pairs: int = 5) -> Path:
    """Jobs one after another: done, failed, running, waiting, left out, and again."""
    folder = project / "outputs" / "campaigns" / name
    rows = []
    for number in range(jobs):
        job, kind = f"part{number:02d}-scratch", ("done", "failed", "running", "waiting", "left out")[number % 5]
        problems = ["no image has a mask"] if kind == "left out" else []
        rows.append({"id": job, "category": f"part{number:02d}", "anomaly": "scratch", "steps": STEPS, "needs": [],
                     "images": 4, "data": "", "digest": "", "problems": problems})  # fmt: skip
        if kind in ("waiting", "left out"):
            continue
        place = folder / "jobs" / job
        write_metrics(place / "train.1" / "metrics.jsonl", steps, seed=number)
        write_real(place / "train.1", 1)
        claim = place / "claims" / "1"
        claim.mkdir(parents=True)
        if kind == "failed":
            end = {"kind": "memory", "words": "CUDA out of memory <b>", "step": "train"}
            (claim / "end.json").write_text(json.dumps(end))
            continue
        if kind == "running":
            (claim / "open").mkdir()
            (claim / "open" / "beat").touch()
            continue
        write_pairs(place / "generate.1", pairs, drawn=2, side=48)
        for step in STEPS:
            done = place / "done" / step
            done.mkdir(parents=True)
            commit = {"schema": 1, "step": step, "claim": 1, "folder": f"{step}.1"}
            (done / "commit.json").write_text(json.dumps(commit))
    plan = {"schema": 1, "name": name, "digest": "x", "wanted": {"steps": STEPS, "settings": {"rank": 32}}, "how": {}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(json.dumps(plan | {"jobs": rows}))
    return folder
