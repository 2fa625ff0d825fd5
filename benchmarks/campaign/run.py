"""What a campaign costs beyond its work: 1,000 jobs that do nothing, `status` over them, and the head's memory.

    python -m benchmarks.campaign.run [--jobs 1000] [--workers 2]

Each job is real in all but its command, a shell script that makes an empty weight file: claim, supervisor process, log,
commit, decision.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil

from dualano_setup.campaigns.plan import make_plan
from dualano_setup.campaigns.state import DONE, counts, snapshot
from dualano_setup.campaigns.store import campaigns_root, save_plan
from dualano_setup.flows.campaign.planning import Asked, how_of
from dualano_setup.flows.campaign.running import conduct
from dualano_setup.settings.campaign import CampaignSettings
from dualano_setup.settings.options import Settings

NOTHING = """#!/bin/sh
while [ "$1" != --output_dir ]; do shift; done
mkdir -p "$2" && : > "$2/pytorch_lora_weights.safetensors"
"""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    said = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(said.jobs):
            images = folder / "data" / f"c{number // 10:03}" / "test" / f"a{number % 10}"
            images.mkdir(parents=True)
            (images / "000.png").write_bytes(b"x")
        (folder / "model").mkdir()
        (folder / "nothing.sh").write_text(NOTHING)
        settings = Settings(folder, data=folder / "data", model=folder / "model")
        campaign = CampaignSettings(steps=("train",), workers=said.workers)
        began = time.perf_counter()
        plan = make_plan(settings, campaign, how_of(settings, campaign, Asked({}), {}))
        print(f"plan of {len(plan.jobs)} jobs: {time.perf_counter() - began:.2f} s")
        plan = replace(plan, how={**plan.how, "doctor": ["/bin/sh", str(folder / "nothing.sh")]})
        root = campaigns_root(folder) / campaign.name
        save_plan(root, plan)
        memory: list[int] = []
        over = threading.Event()
        threading.Thread(target=watch, args=(memory, over), daemon=True).start()
        sys.stderr.flush()
        quiet = os.open(os.devnull, os.O_WRONLY)
        kept = os.dup(2)
        os.dup2(quiet, 2)
        began, before = time.perf_counter(), processor_seconds()
        status = conduct(settings, root, plan)
        seconds, spent = time.perf_counter() - began, processor_seconds() - before
        os.dup2(kept, 2)
        over.set()
        done = counts(snapshot(root, plan))[DONE]
        per = 1000 / said.jobs
        print(f"{done} of {said.jobs} jobs done ({status}), {said.workers} workers: {seconds * per:.1f} ms a job; "
              f"{spent * per:.1f} ms of processor time (head and all that it started)")  # fmt: skip
        tenth = max(1, len(memory) // 10)
        print(f"this machine: {os.cpu_count()} cores, load {os.getloadavg()[0]:.0f}")
        print(f"head's memory: {memory[tenth] >> 10} KiB after a tenth, {memory[-1] >> 10} KiB at the end")
        command = [sys.executable, "-m", "dualano_setup", "campaign", "status", "--json"]
        variables = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        times, spent = [], processor_seconds()
        for _ in range(5):
            began = time.perf_counter()
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, env=variables)
            times.append(time.perf_counter() - began)
        spent = (processor_seconds() - spent) / 5
        print(f"status: {min(times):.2f} s the fastest of five, {spent:.2f} s of processor time each")
    return 0


def processor_seconds() -> float:
    mine, theirs = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + theirs.ru_utime + theirs.ru_stime


def watch(memory: list[int], over: threading.Event) -> None:
    process = psutil.Process()
    while not over.wait(0.25):
        memory.append(process.memory_info().rss)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
