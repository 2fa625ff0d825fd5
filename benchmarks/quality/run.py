"""Adapters on categories that the base model never saw: trained, sampled, and their pairs named by the judge.

    python -m benchmarks.quality.run --work DIR --output RESULT.json [--categories bottle,key] [--kinds scratch,hole]
        [--seeds 0,1] [--steps 250] [--variants bcm,dual] [--precisions no,bf16] [--pairs 16]

Each row: the share of pairs whose whole image the judge names rightly, the same of the parts, the share that has a
mask, the share that was accepted and named rightly, and the median overlap of the mask with the region that the judge
finds. Everything runs through the product's own commands.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainer.data.images import read_image
from trainer.generate.manifest import Manifest, pair_files
from trainer.miniature.base import TRAINED_BASE, write_base_model
from trainer.miniature.world.categories import write_category
from trainer.miniature.world.scene import KINDS

from .judge import Judge, judge_pictures, load_judge

JUDGE = Path(__file__).parent / "judge.safetensors"


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.run", description=__doc__)
    add = parser.add_argument
    add("--work", type=Path, required=True, help="folder for models, data and pairs; what is there is not made again")
    add("--output", type=Path, required=True, help="table as JSON")
    for name, default in (("categories", "bottle,key,propeller"), ("kinds", "scratch,hole,stain"), ("seeds", "0,1,2")):
        add(f"--{name}", type=lambda text: text.split(","), default=default.split(","))
    add("--variants", type=lambda text: text.split(","), default=["bcm"])
    add("--precisions", type=lambda text: text.split(","), default=["no"])
    add("--steps", type=int, default=250)
    add("--rate", default="5e-4")
    add("--rank", default="8")
    add("--pairs", type=int, default=16)
    add("--whole", default="a vfx with sks", help="prompt; {category} and {kind} are filled in")
    add("--part", default="sks", help="prompt; {category} and {kind} are filled in")
    return parser.parse_args()


def run_one(
    options: argparse.Namespace, category: str, kind: str, variant: str, precision: str, seed: str
) -> dict[str, Any]:
    """Train and sample; returns the folder of pairs and the seconds of both."""
    work = options.work
    target = work / f"{category}-{kind}-{variant}-{precision}-{options.steps}-seed{seed}"
    texts = ("--prompt_blend", options.whole.format(category=category, kind=kind))
    texts += ("--prompt_fg", options.part.format(category=category, kind=kind))
    data, masks = work / "data" / category, work / "foreground" / category
    shared = ("--pretrained_model_name_or_path", work / "model", "--resolution", "128", "--seed", seed)
    shared += ("--mixed_precision", precision, *texts)
    seconds = {}
    commands = {
        "train": (
            "trainer", *shared, "--instance_data_dir", data / "test" / kind, "--mask_dir", data / "ground_truth" / kind,
            "--condition_dir", masks / kind, "--variant", variant, "--rank", options.rank, "--report_to", "none",
            "--learning_rate", options.rate, "--max_train_steps", options.steps, "--output_dir", target,
            "--cache_latents",
        ),
        "generate": (
            "trainer.generate", *shared, "--weights", target, "--output_dir", target / "pairs",
            "--num_images", options.pairs, "--batch_size", "8", "--scheduler", "dpm++", "--num_inference_steps", "20",
            *(("--condition_dir", masks / "good", "--good_dir", data / "train" / "good") if variant == "bcm" else ()),
        ),
    }  # fmt: skip
    for stage, command in commands.items():
        if stage == "train" and any(target.glob("pytorch_lora_weights*")):
            continue
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", *map(str, command)], check=True)
        seconds[stage] = round(time.monotonic() - began, 1)
    return {"pairs": target / "pairs", "seconds": seconds}


def measure(folder: Path, kind: str, judge: Judge) -> dict[str, float]:
    """What the judge says of a folder of pairs."""
    records = [record for _, record in sorted(Manifest(folder).records.items())]
    files = [pair_files(folder, record) for record in records]
    wholes, parts = (_pictures([paths[frame] for paths in files]) for frame in (0, 1))
    said, of_parts = judge_pictures(judge, wholes), judge_pictures(judge, parts)
    wanted = KINDS.index(kind) + 1
    right = (said.kinds == wanted).tolist()
    accepted = [record.rejected is None for record in records]
    overlaps = []
    for number, paths in enumerate(files):
        if accepted[number] and said.regions[number].any():
            mask = np.asarray(read_image(paths[2], "L")) >= 128
            region = said.regions[number].numpy()
            overlaps.append(float((mask & region).sum() / (mask | region).sum()))
    return {
        "pairs": len(records),
        "whole_named": statistics.fmean(right),
        "part_named": float((of_parts.kinds == wanted).float().mean()),
        "accepted": statistics.fmean(accepted),
        "accepted_named": sum(a and r for a, r in zip(accepted, right, strict=True)) / max(1, sum(accepted)),
        "overlap": statistics.median(overlaps) if overlaps else 0.0,
    }


def _pictures(paths: list[Path]) -> torch.Tensor:
    """Pictures (N, 3, 128, 128) in [-1, 1]."""
    pixels = np.stack([np.asarray(read_image(path)) for path in paths])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(127.5).sub(1)


def main() -> None:
    """Make the table."""
    options = parse_arguments()
    if not (options.work / "model").exists():
        write_base_model(TRAINED_BASE, options.work / "model")
    for category in options.categories:
        if not (options.work / "data" / category).exists():
            write_category(category, options.work / "data", options.work / "foreground", seed=0)
    judge = load_judge(JUDGE)
    rows = []
    for case in itertools.product(
        options.categories, options.kinds, options.variants, options.precisions, options.seeds
    ):
        made = run_one(options, *case)
        named = dict(zip(("category", "kind", "variant", "precision", "seed"), case, strict=True))
        rows.append(named | measure(made["pairs"], case[1], judge) | {"seconds": made["seconds"]})
        print(json.dumps(rows[-1]), flush=True)
        table = {"steps": options.steps, "rate": options.rate, "rank": options.rank, "rows": rows}
        options.output.write_text(json.dumps(table, indent=1), encoding="utf-8")
    for key in ("whole_named", "part_named", "accepted", "accepted_named", "overlap"):
        values = [row[key] for row in rows]
        print(f"{key}: {statistics.fmean(values):.3f} (spread {statistics.pstdev(values):.3f} over {len(values)})")


if __name__ == "__main__":
    main()
