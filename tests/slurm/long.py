"""Twelve jobs on a real Slurm through every accident: all finish, with the weights of an undisturbed run.

    python -m tests.slurm.long [--real ENV] [--accounting]

Accidents, one after the other: one job cancelled, a node set down, the controller restarted, the head killed, the
disk filled, the time limit hit (all the while: jobs are longer than it). With --real the trainings are the bundled
trainer's on the miniature, else a stub's of the same shape.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from dualano_setup.campaigns.state import DONE, counts, snapshot
from dualano_setup.flows.campaign.running import conduct
from dualano_setup.settings.campaign import CampaignSettings
from dualano_setup.settings.options import Settings
from tests.campaigns.kills import faults, weights_of
from tests.campaigns.world import planned, project_of
from tests.places import ROOT
from tests.slurm.cluster import cluster, missing


def say(began: float, text: str) -> None:
    print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--real", default="", metavar="ENV")
    parser.add_argument("--accounting", action="store_true")
    parser.add_argument("--limit", default="2", help="minutes")
    parser.add_argument("--seconds", default="75", help="of a stub's training")
    said = parser.parse_args(arguments)
    if why := missing(accounting=said.accounting):
        print(f"skipped: {why}")
        return 0
    os.environ |= {"OMP_NUM_THREADS": "1", "STUB_STEPS": "150", "STUB_SECONDS": "1"}
    folder = Path(tempfile.mkdtemp(prefix="long-"))
    room = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1800m", "tmpfs", folder], check=False).returncode == 0
    began = time.monotonic()
    settings = project_of(folder, said.real)
    shape = CampaignSettings(name="calm", steps=("train",), lease=60, workers=2, executor="local",
                             train_arguments=("--checkpointing_steps", "2", "--report_to", "none"))  # fmt: skip
    root, plan = planned(settings, shape, said.real)
    assert conduct(settings, root, plan) == 0
    expected = weights_of(root, plan)
    say(began, "undisturbed on this machine: done")
    os.environ["STUB_SECONDS"] = said.seconds
    with cluster(accounting=said.accounting) as slurm:
        campaign = replace_all(shape, name="storm", executor="slurm", time=said.limit, warn_seconds=60, lease=30,
                               retries=20, workers=None)  # fmt: skip
        root, plan = planned(settings, campaign, said.real)
        head = start_head(settings, root)
        wait(lambda: done(root, plan) >= 1 or running(root, plan) >= 2)
        victim = queue("-t", "R", "-o", "%F_%K")[0]
        call("scancel", victim)
        say(began, f"cancelled {victim}")
        time.sleep(10)
        call("scontrol", "update", "nodename=n2", "state=down", "reason=trial")
        say(began, "node n2 down")
        time.sleep(15)
        controller = int((slurm / "run/slurmctld.pid").read_text())
        os.kill(controller, signal.SIGKILL)
        say(began, "controller killed")
        time.sleep(8)
        subprocess.run(["slurmctld"], check=True)
        time.sleep(3)
        call("scontrol", "update", "nodename=n2", "state=resume")
        say(began, "controller back, n2 back")
        head.kill()
        head.wait()
        say(began, f"head killed; {done(root, plan)} of {len(plan.jobs)} done")
        time.sleep(5)
        head = start_head(settings, root)
        if room:
            time.sleep(8)
            fill(folder)
            say(began, "disk full")
            time.sleep(12)
            (folder / "filler").unlink()
            say(began, "disk has room again")
        end = time.monotonic() + 1500
        while head.poll() is None and time.monotonic() < end:
            time.sleep(5)
        say(began, f"head ended with {head.poll()}")
        limits = sum(end_.kind == "limit" for job in plan.jobs for end_ in ends(root, job.id))
        kinds = [end_.kind for job in plan.jobs for end_ in ends(root, job.id)]
        say(began, f"ends: { {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)} }, {limits} by limit or cancel")
    wrong = faults(root, plan, expected)
    print((root / "heads.log").read_text()[-3000:])
    print("; ".join(wrong) or f"all {len(plan.jobs)} jobs done, weights as undisturbed", flush=True)
    if room:
        subprocess.run(["umount", "-l", folder], check=False)
    shutil.rmtree(folder, ignore_errors=True)
    return 1 if wrong else 0


def replace_all(campaign: CampaignSettings, **changes: object) -> CampaignSettings:
    return replace(campaign, **changes)


def ends(root: Path, job: str) -> list:
    from dualano_setup.campaigns.store import ends_of

    return ends_of(root / "jobs" / job)


def fill(folder: Path) -> None:
    with (folder / "filler").open("wb") as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * (1 << 20))


def start_head(settings: Settings, root: Path) -> subprocess.Popen[bytes]:
    with (root / "heads.log").open("ab") as log:
        command = [sys.executable, "-m", "tests.campaigns.headproc", str(settings.project), root.name]
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=os.environ | {"PYTHONPATH": str(ROOT)})


def call(*command: str) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def queue(*flags: str) -> list[str]:
    return call("squeue", "-h", "-r", *flags).split() or [""]


def done(root: Path, plan) -> int:
    return counts(snapshot(root, plan))[DONE]


def running(root: Path, plan) -> int:
    return counts(snapshot(root, plan))["running"]


def wait(condition, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
