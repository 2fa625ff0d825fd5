"""The short training that the suite holds the trainer to, its measures, and what each way of spoiling it does to them.

    python -m benchmarks.quality.quick --work DIR [--seeds 0,1,2] [--spoils]

45 steps on a drawn category that the base never saw, words that it knows, then eight pairs: about a minute of one core.
`--spoils` repeats it for each of `spoils.SPOILS`; README.md says which of them the limits catch.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from safetensors.torch import load_file

from .judge import load_judge
from .spoils import SPOILS, layer_of, spoilt
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
    pairs=8,
    seed=1,
    sampling=("--scheduler", "dpm++", "--num_inference_steps", "10"),
)
#: What a sound trainer reaches, and a spoilt one misses: at least. README.md has the numbers of both.
LEAST = {"named": 0.5, "part_named": 0.7, "flat": 0.75, "shown": 0.03}


def failures(found: dict[str, float], dead: Sequence[str] = ()) -> list[str]:
    """The measures that miss their limits, in words; none for a sound trainer."""
    low = [f"{name} is {found[name]}, at least {least}" for name, least in LEAST.items() if not found[name] >= least]
    return low + [f"{layer} learnt nothing" for layer in dead]


def dead_layers(weights: Path) -> list[str]:
    """Attention layers of a weight file whose LoRA is still where it began: all `up` zero."""
    learnt: dict[str, float] = {}
    for name, value in load_file(weights).items():
        if name.endswith(".up.weight"):
            learnt[layer_of(name)] = learnt.get(layer_of(name), 0.0) + float(value.abs().sum())
    return [layer for layer, size in learnt.items() if size == 0]


def weights_of(work: Path, task: Task) -> Path:
    """The weight file of a training."""
    return work / "runs" / task.name / "pytorch_lora_weights.safetensors"


def measured(work: Path, task: Task, spoil: str = "") -> dict[str, float]:
    """The measures of pairs from a training that is there already."""
    with spoilt(spoil):
        folder = generate(work, task, task.steps, f"pairs{spoil.replace(' ', '_')}")
    sheet = work / "sheets" / f"{task.name}-{folder.name}"
    sheet.parent.mkdir(exist_ok=True)
    save_sheet(folder, sheet, {"category": task.category, "kind": task.kind, "seed": task.seed})
    rows = judged(Path(f"{sheet}.json"), load_judge(JUDGE))[1]
    return summary(rows) | {"mean_overlap": round(statistics.fmean(row["overlap"] for row in rows), 3)}


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
            found = measured(options.work, task, spoil)
            dead = dead_layers(weights_of(options.work, task))
            print(json.dumps({"spoil": spoil, "seed": seed, "failures": failures(found, dead), **found}), flush=True)


if __name__ == "__main__":
    main()
