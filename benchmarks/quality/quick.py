"""The short training that the suite holds the trainer to, its measures, and what each way of spoiling it does to them.

    python -m benchmarks.quality.quick --work DIR [--seeds 0,1,2] [--spoils]

45 steps on a drawn category that the base never saw, words that it knows, then four pairs for each of two seeds: about
a minute on one core. `--spoils` repeats it for each of `spoils.SPOILS`; all must fall below the limits.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .judge import load_judge
from .spoils import SPOILS, spoilt
from .table import JUDGE, judged
from .work import Task, generate, prepare, save_sheet, summary, train

TASK = Task(
    rate="2e-3",
    category="gear",
    kind="scratch",
    rank=8,
    steps=45,
    looks=(45,),
    prompts="words",
    pairs=4,
    sampling=("--scheduler", "dpm++", "--num_inference_steps", "10"),
)
#: What a sound trainer reaches with room to spare, and every spoilt one misses: at least, or at most.
LEAST = {"named": 0.5, "part_named": 0.5, "flat": 0.75, "shown": 0.2}
MOST = {"ground": 30.0}


def failures(found: dict[str, float]) -> list[str]:
    """The measures that miss their limits, in words; none for a sound trainer."""
    low = [f"{name} is {found[name]}, at least {least}" for name, least in LEAST.items() if not found[name] >= least]
    high = [f"{name} is {found[name]}, at most {most}" for name, most in MOST.items() if not found[name] <= most]
    return low + high


def measured(work: Path, task: Task, seeds: Sequence[int], spoil: str = "") -> dict[str, float]:
    """The measures over all pairs of these seeds, of a training that is there already."""
    judge = load_judge(JUDGE)
    rows: list[dict[str, Any]] = []
    for seed in seeds:
        own = replace(task, sampling=(*task.sampling, "--seed", str(seed)))
        with spoilt(spoil):
            folder = generate(work, own, task.steps, f"pairs{spoil.replace(' ', '_')}-seed{seed}")
        sheet = work / "sheets" / folder.name
        sheet.parent.mkdir(exist_ok=True)
        save_sheet(folder, sheet, {"category": task.category, "kind": task.kind, "seed": seed})
        rows += judged(Path(f"{sheet}.json"), judge)[1]
    return summary(rows)


def main() -> None:
    """Measure sound and spoilt trainers."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.quick")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--spoils", action="store_true")
    options = parser.parse_args()
    prepare(options.work, [TASK.category])
    for spoil in ("", *SPOILS) if options.spoils else ("",):
        for seed in options.seeds:
            task = replace(TASK, seed=seed, spoil=spoil)
            with spoilt(spoil):
                train(options.work, task)
            found = measured(options.work, task, (seed, seed + 100), spoil)
            print(json.dumps({"spoil": spoil, "seed": seed, "failures": failures(found), **found}), flush=True)


if __name__ == "__main__":
    main()
