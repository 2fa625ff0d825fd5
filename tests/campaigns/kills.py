"""Random kills and stops of a campaign's head, supervisors and commands: what is left must be as if nothing had been.

    python -m tests.campaigns.kills --kills 100 [--seed 0] [--real ENV]

Each blow is SIGKILL or SIGSTOP; half of what was stopped wakes up after its lease, the rest is left to be found. A head
that is gone or stopped past its lease is followed by another. At the end every step must be committed once, by a claim
no later than its successor's, with the bytes of an undisturbed run, and no process may be left.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dualano_setup.campaigns import claims
from dualano_setup.campaigns.plan import Plan
from dualano_setup.campaigns.state import DONE, snapshot
from dualano_setup.settings.campaign import STEPS, CampaignSettings
from dualano_setup.settings.options import Settings
from dualano_setup.system.processes import JOB_VARIABLE, is_alive, marked
from tests.campaigns.world import planned, project_of, stub_plan
from tests.places import ROOT

WEIGHTS = "pytorch_lora_weights.safetensors"


@dataclass
class Battle:
    """One campaign under fire."""

    project: Path
    root: Path
    plan: Plan
    draw: random.Random
    lease: float
    heads: list[subprocess.Popen[bytes]] = field(default_factory=list)
    stopped: list[tuple[float, int]] = field(default_factory=list)  # when to wake which process
    blows: dict[str, int] = field(default_factory=dict)

    def start_head(self) -> None:
        command = [sys.executable, "-m", "tests.campaigns.headproc", str(self.project), self.root.name]
        with (self.root / "heads.log").open("ab") as log:
            environment = os.environ | {"PYTHONPATH": str(ROOT)}
            self.heads.append(subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=environment,
                                               start_new_session=True))  # fmt: skip

    def head(self) -> subprocess.Popen[bytes] | None:
        """The head that works, if any: the newest one that lives and is not stopped."""
        living = [head for head in self.heads if head.poll() is None and _state(head.pid) != "T"]
        return living[-1] if living else None

    def supervisors(self) -> list[int]:
        found = [claims.newest(self.root / "jobs" / job.id) for job in self.plan.jobs]
        holders = [claim.holder() for claim in found if claim]
        return [holder.pid for holder in holders if holder and is_alive(holder.identity)]

    def commands(self) -> list[int]:
        return [pid for pid, job in marked(JOB_VARIABLE) if job.startswith(f"{self.root}/")]

    def blow(self) -> bool:
        """One kill or stop of somebody; False when there was nobody."""
        head = self.head()
        targets = {"head": [head.pid] if head else [], "supervisor": self.supervisors(), "command": self.commands()}
        kind = self.draw.choice([kind for kind, pids in targets.items() if pids] or [""])
        if not kind:
            return False
        pid = self.draw.choice(targets[kind])
        how = self.draw.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
            name = f"{how.name} {kind}"
            self.blows[name] = self.blows.get(name, 0) + 1
            if how == signal.SIGSTOP and (kind == "head" or self.draw.random() < 0.5):
                self.stopped.append((time.monotonic() + 1.5 * self.lease, pid))
        return True

    def wake(self, *, all_of_them: bool = False) -> None:
        for when, pid in list(self.stopped):
            if all_of_them or time.monotonic() > when:
                self.stopped.remove((when, pid))
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGCONT)

    def settled(self) -> bool:
        return all(row.state == DONE for row in snapshot(self.root, self.plan))

    def fight(self, kills: int, pause: float) -> int:
        """Deals blows until the campaign is done or `kills` of them have fallen. Returns how many did."""
        dealt, since = 0, 0.0
        while not self.settled():
            self.wake()
            if self.head() is None and time.monotonic() > since:
                self.start_head()  # refused while one that is stopped still has its claim
                since = time.monotonic() + 1.0
            time.sleep(self.draw.uniform(0.2, 1.8) * pause)
            if dealt < kills and self.blow():
                dealt += 1
        return dealt

    def close(self) -> None:
        """Lets the heads come to their end."""
        self.wake(all_of_them=True)
        if all(head.poll() is not None for head in self.heads):
            self.start_head()
        for head in self.heads:
            with contextlib.suppress(ProcessLookupError):
                head.send_signal(signal.SIGCONT)
            head.wait(120)

    def left(self) -> list[int]:
        end = time.monotonic() + 20
        while (pids := [*self.supervisors(), *self.commands()]) and time.monotonic() < end:
            time.sleep(0.1)
        return [pid for pid in pids if _state(pid) not in ("Z", "")]


def faults(root: Path, plan: Plan, expected: dict[str, bytes]) -> list[str]:
    """What is not as it would be without the blows."""
    found = []
    for job in plan.jobs:
        folder = root / "jobs" / job.id
        commits = claims.committed(folder)
        if set(commits) != set(job.steps):
            found.append(f"{job.id}: committed {sorted(commits)}")
            continue
        numbers = [commits[step]["claim"] for step in job.steps]
        if numbers != sorted(numbers):
            found.append(f"{job.id}: claims {numbers}")
        again = [path.name for path in (folder / "done").iterdir() if path.name.startswith(".")]
        if again:
            found.append(f"{job.id}: committed again: {again}")
        if job.id in expected and (folder / commits["train"]["folder"] / WEIGHTS).read_bytes() != expected[job.id]:
            found.append(f"{job.id}: other weights")
    return found


def weights_of(root: Path, plan: Plan) -> dict[str, bytes]:
    jobs = [job for job in plan.jobs if job.anomaly]
    return {job.id: (root / "jobs" / job.id / claims.committed(root / "jobs" / job.id)["train"]["folder"] / WEIGHTS)
            .read_bytes() for job in jobs}  # fmt: skip


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


def battle(
    folder: Path, name: str, kills: int, draw: random.Random, *, lease: float, workers: int, pause: float,
    steps: tuple[str, ...] = STEPS, settings: Settings | None = None, anomalies: tuple[str, ...] = ("*",),
) -> Battle:  # fmt: skip
    """A campaign fought to its end: a stub's, or with `settings` the real trainer's."""
    campaign = CampaignSettings(
        name=name, anomalies=anomalies, accepted=3, workers=workers, lease=lease, retries=10_000, steps=steps,
        train_arguments=("--checkpointing_steps", "2", "--report_to", "none") if settings else (),
    )  # fmt: skip
    root, plan = planned(settings, campaign, "real", 0.1) if settings else stub_plan(folder, campaign)
    fought = Battle(folder, root, plan, draw, lease)
    fought.start_head()
    fought.fight(kills, pause)
    fought.close()
    return fought


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lease", type=float, default=3.0)
    parser.add_argument("--pause", type=float, default=0.4)
    parser.add_argument(
        "--real", default="", metavar="ENV", help="the bundled trainer on the miniature instead of a stub"
    )
    parser.add_argument("--anomalies", default="*", help="of four categories with three each")
    said = parser.parse_args(arguments)
    draw, folder = random.Random(said.seed), Path(tempfile.mkdtemp(prefix="kills-", dir="/dev/shm"))
    project = project_of(folder, said.real, steps=6)
    os.environ |= {"STUB_SECONDS": "2", "STUB_STEPS": "8", "OMP_NUM_THREADS": "1"}
    more: dict[str, Any] = {"steps": ("train",), "settings": project} if said.real else {}
    more["anomalies"] = (said.anomalies,)
    calm = battle(folder, "calm", 0, draw, lease=60, workers=2 if said.real else 4, pause=0.2, **more)
    expected = weights_of(calm.root, calm.plan)
    print("undisturbed: done", flush=True)
    dealt, rounds, wrong = 0, 0, faults(calm.root, calm.plan, expected)
    total: dict[str, int] = {}
    began = time.monotonic()
    while dealt < said.kills and not wrong:
        rounds += 1
        fought = battle(folder, f"round-{rounds}", said.kills - dealt, draw, lease=said.lease,
                        workers=2 if said.real else 3, pause=said.pause, **more)  # fmt: skip
        dealt += sum(fought.blows.values())
        for name, number in fought.blows.items():
            total[name] = total.get(name, 0) + number
        wrong += faults(fought.root, fought.plan, expected)
        wrong += [f"left running: {fought.left()}"] if fought.left() else []
        print(f"round {rounds}: {fought.blows}, {len(fought.heads)} heads, {wrong or 'all well'}", flush=True)
    print(f"{dealt} blows in {rounds} rounds of {len(calm.plan.jobs)} jobs, {time.monotonic() - began:.0f} s: {total}; "
          f"{'; '.join(wrong) or 'every step committed once, weights equal, nothing left'}")  # fmt: skip
    if not wrong:
        shutil.rmtree(folder)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
