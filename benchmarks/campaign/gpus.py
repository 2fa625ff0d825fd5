"""Throughput of a campaign on one GPU and on several: trainings at Stable Diffusion 1.5's size, random weights.

    python -m benchmarks.campaign.gpus [--gpus 0,1] [--jobs 8] [--steps 200] [--quick]

On each set of GPUs as many jobs a GPU are run; a job is the whole command, from the start of Python to the weights.
`--quick`: a small network, for a look on a CPU (then --gpus stands for workers).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCTOR = """#!/bin/sh
shift
[ "$1" = -- ] && shift
exec {python} -m trainer --pretrained_model_name_or_path {folder}/model --variant dual --train_text_encoder \\
  --instance_data_dir {folder}/data/$DUALANO_CATEGORY/test/$DUALANO_ANOMALY --resolution {size} --train_batch_size 2 \\
  --rank 32 --learning_rate 2e-5 --mixed_precision {precision} --report_to none "$@"
"""


def make_model(folder: Path, miniature: Path, *, quick: bool) -> None:
    """The model's folder in diffusers' layout; tokenizer, scheduler and index are the miniature's."""
    import torch

    from benchmarks.trainer.random_model import QUICK, RandomModel, Size

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = RandomModel(QUICK if quick else Size(), device)
    shutil.copytree(miniature, folder, ignore=shutil.ignore_patterns("unet", "vae", "text_encoder"))
    model.unet().save_pretrained(folder / "unet")
    model.vae().save_pretrained(folder / "vae")
    model.text_encoder().save_pretrained(folder / "text_encoder")


def run_on(folder: Path, gpus: list[str], jobs: int, steps: int, *, quick: bool) -> float:
    """Jobs a second on these GPUs."""
    from dualano_setup.campaigns.plan import make_plan
    from dualano_setup.campaigns.store import campaigns_root, save_plan
    from dualano_setup.flows.campaign.planning import Asked, how_of
    from dualano_setup.flows.campaign.running import conduct
    from dualano_setup.settings.campaign import CampaignSettings
    from dualano_setup.settings.options import Settings

    settings = Settings(folder, data=folder / "data", model=folder / "model", variant="dual")
    names = tuple(f"a{number}" for number in range(jobs))
    campaign = CampaignSettings(
        name=f"on-{len(gpus)}", steps=("train",), anomalies=names, gpus=() if quick else tuple(gpus),
        workers=len(gpus), retries=0, train_arguments=("--max_train_steps", str(steps)),
    )  # fmt: skip
    plan = make_plan(settings, campaign, how_of(settings, campaign, Asked({}), {}))
    plan = replace(plan, how={**plan.how, "doctor": ["/bin/sh", str(folder / "doctor.sh")]})
    root = campaigns_root(folder) / campaign.name
    save_plan(root, plan)
    began = time.perf_counter()
    status = conduct(settings, root, plan)
    seconds = time.perf_counter() - began
    rows = [json.loads(file.read_text()) for file in root.glob("jobs/*/done/train/commit.json")]
    paces = ", ".join(f"{row['seconds']:.1f} s ({row.get('seconds_per_step', 0) * 1e3:.1f} ms a step)" for row in rows)
    print(
        f"{len(gpus)} GPU(s), {jobs} jobs of {steps} steps: {seconds:.1f} s, status {status}; jobs: {paces}", flush=True
    )
    if status:
        print("".join(log.read_text()[-1500:] for log in root.glob("jobs/*/claims/1/log")))
    return jobs / seconds


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gpus", default="0,1")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--on-one", type=int, default=0, help="jobs for the run on one GPU (default: its share)")
    parser.add_argument("--quick", action="store_true")
    said = parser.parse_args(arguments)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        from trainer.miniature.make import MiniatureSettings, make_miniature

        made = folder / "made"
        made.mkdir()
        make_miniature(MiniatureSettings(made / "model", made / "data", made / "foreground", seed=0, size=64))
        make_model(folder / "model", made / "model", quick=said.quick)
        for number in range(said.jobs):
            place = folder / "data" / "widget" / "test" / f"a{number}"
            shutil.copytree(made / "data" / "widget" / "test" / "dent", place)
            masks = made / "data" / "widget" / "ground_truth" / "dent"
            shutil.copytree(masks, folder / "data" / "widget" / "ground_truth" / f"a{number}")
        size, precision = (64, "no") if said.quick else (512, "bf16")
        script = DOCTOR.format(python=sys.executable, folder=folder, size=size, precision=precision)
        (folder / "doctor.sh").write_text(script)
        gpus = said.gpus.split(",")
        share = said.jobs // len(gpus)
        run_on(folder, gpus[:1], 1, 3, quick=said.quick)  # kernels are compiled once for all
        shutil.rmtree(folder / "outputs")
        one = run_on(folder, gpus[:1], said.on_one or share, said.steps, quick=said.quick)
        all_of_them = run_on(folder, gpus, share * len(gpus), said.steps, quick=said.quick)
        print(f"throughput on {len(gpus)} GPUs: {all_of_them / one:.2f} times one's")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
