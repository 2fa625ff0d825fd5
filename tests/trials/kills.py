"""kill -9 at random moments of the supervisor, the launcher and the trainer of detached runs, loading included.

    python -m tests.trials.kills 200                        # trainers whose steps take nothing
    python -m tests.trials.kills 30 --env ENV               # the bundled trainer in the training environment ENV

After each kill: what `status` says agrees with which processes live, which is found out without the product's help;
after `stop` or by itself within seconds nothing of the run is left; what it left can be resumed and is finished, every
step once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.places import ROOT
from tests.processes import MARK
from tests.trials.stub_environment import make_stub_environment

ROLES = ("supervisor", "launcher", "trainer")
_LIVING = ("starting", "running")


class WentWrongError(AssertionError):
    """A trial that went otherwise than it should."""


@dataclass(slots=True)
class Bench:
    """What all trials share.

    `loading`: the longest, in seconds; `window`: in which the kill falls, from when one of the three processes is up;
    `patience`: after which a run must have ended; `pause` between two looks at it; `steps` of a training.
    """

    env: Path
    folder: Path
    arguments: tuple[str, ...]
    flags: tuple[str, ...]
    steps: int
    loading: float
    window: float
    patience: float
    pause: float = 0.1
    variables: dict[str, str] = field(default_factory=dict)


def stub_bench(folder: Path) -> Bench:
    """Trials with the stub."""
    env = make_stub_environment(folder / "env")
    names = ("--model", "m", "--data", "d", "--category", "c", "--anomaly", "a", "--foreground", "f")
    return Bench(env, folder, names, (), steps=150, loading=1.0, window=1.8, patience=40.0)


def real_bench(folder: Path, env: Path) -> Bench:
    """Trials with the bundled trainer on its miniature."""
    from trainer.miniature.make import MiniatureSettings, make_miniature

    mini = folder / "miniature"
    places = {name: mini / name for name in ("model", "data", "foreground")}
    make_miniature(MiniatureSettings(**places, seed=0, size=64))
    category = next(path.name for path in (mini / "data").iterdir() if path.is_dir())
    anomaly = next(p.name for p in sorted((mini / "data" / category / "test").iterdir()) if p.name != "good")
    names = ("--category", category, "--anomaly", anomaly)
    places_said = tuple(word for name in places for word in (f"--{name}", str(mini / name)))
    flags = ("--resolution", "64", "--rank", "4", "--checkpointing_steps", "5")
    return Bench(
        env, folder, (*places_said, *names), flags, steps=24, loading=0, window=30.0, patience=400.0, pause=1.0
    )


def trial(bench: Bench, number: int, seed: int) -> tuple[str, str]:
    """One trial; what was hit and how the run ended. Raises WentWrongError."""
    chance = random.Random(f"{seed}-{number}")
    project = bench.folder / f"project-{number}"
    project.mkdir()
    run = _Trial(bench, project, chance)
    try:
        return run.go()
    finally:
        for process in run.living():
            process.kill()
        shutil.rmtree(project, ignore_errors=True)


class _Trial:
    def __init__(self, bench: Bench, project: Path, chance: random.Random) -> None:
        self.bench, self.project, self.chance = bench, project, chance
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("DUALANO_", "HF_"))}
        self.variables = clean | bench.variables | {"PYTHONPATH": str(ROOT), "HOME": str(project), MARK: str(project)}
        self.variables |= {"LANGUAGE": "en", "OMP_NUM_THREADS": "1"}
        self.variables["STUB_LOADING"] = f"{chance.uniform(0, bench.loading):.3f}"

    def go(self) -> tuple[str, str]:
        steps = ("--max_train_steps", str(self.bench.steps))
        start = self.doctor("train", "--force", "--detach", "--offline", *self.named(), "--", *self.bench.flags, *steps)
        began = time.monotonic()
        wanted = self.chance.sample(ROLES, self.chance.choice((1, 1, 1, 2, 3)))
        first = self.chance.choice(ROLES)
        while start.poll() is None and not self.of(first):
            time.sleep(0.005)
        time.sleep(self.chance.uniform(0, self.bench.window))
        hit = [role for role in wanted if self.kill(role)]
        said = start.communicate()[0]
        self.expect("Traceback" not in said, said)
        folders = sorted((self.project / ".dualano" / "runs").glob("*/run.json"))
        self.expect(len(folders) == 1, f"{len(folders)} runs; {said}")
        self.run = folders[0].parent
        self.output = self.project / "outputs" / self.run.name
        self.watch(until=time.monotonic() + self.chance.uniform(0, 2.5))
        if self.living() and self.chance.random() < 0.7:
            self.stop()
        self.watch(until=began + self.bench.patience, ends=True)
        self.expect(not self.living(), f"left behind: {[p.cmdline() for p in self.living()]}")
        state = self.ended(hit)
        self.whole()
        self.go_on(state)
        return "+".join(sorted(hit)) or "nothing", state

    def named(self) -> tuple[str, ...]:
        return ("--env", str(self.bench.env), *self.bench.arguments)

    def doctor(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "dualano_setup", *words]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, cwd=self.project, env=self.variables, text=True, **pipes)  # type: ignore[call-overload, no-any-return]

    def living(self) -> list[psutil.Process]:
        """The run's processes: by the mark of this trial and what they are, not by what the product says."""
        return self.of(*ROLES)

    def of(self, *roles: str) -> list[psutil.Process]:
        found = []
        mark = f"{MARK}={self.project}".encode()
        for place in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (place / "environ").read_bytes().split(b"\0"):
                    process = psutil.Process(int(place.name))
                    found += [process] if _role(process) in roles else []
            except (psutil.Error, OSError):
                continue
        return found

    def kill(self, role: str) -> bool:
        processes = self.of(role)
        for process in processes:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                return False
        return bool(processes)

    def status(self) -> tuple[int, dict[str, object]]:
        asked = self.doctor("status", "--json")
        said = asked.communicate()[0]
        try:
            return asked.returncode, json.loads(said)
        except ValueError:
            raise WentWrongError(f"status says: {said}") from None

    def watch(self, until: float, *, ends: bool = False) -> None:
        """`status` again and again: it must agree with what lives, where that is the same before and after it."""
        while time.monotonic() < until:
            before = {process.pid for process in self.living()}
            code, told = self.status()
            after = {process.pid for process in self.living()}
            lives = told["state"] in _LIVING
            if before and before == after:
                self.expect(lives or told["exit_status"] is not None, f"{told}, while {before} live")
            if not before and not after:
                self.expect(not lives, f"{told}, while nothing lives")
                self.expect(code == (1 if told["state"] in ("failed", "lost") else 0), f"status {code}: {told}")
                if ends:
                    return
            time.sleep(self.bench.pause)

    def stop(self) -> None:
        asked = self.doctor("stop", "--wait", "30")
        said = asked.communicate()[0]
        self.expect(asked.returncode == 0, said)
        end = time.monotonic() + 15  # a launcher that dies just now
        while self.living() and time.monotonic() < end:
            time.sleep(0.1)
        self.expect(not self.living(), f"after stop: {said}")

    def ended(self, hit: list[str]) -> str:
        _code, told = self.status()
        state = str(told["state"])
        finished = (self.output / "pytorch_lora_weights.safetensors").exists()
        stopped = (self.run / "stop.json").exists()
        taken = self.steps()
        self.expect(finished or state != "finished", f"finished without weights: {told}")
        if finished and "supervisor" not in hit and "launcher" not in hit:
            self.expect(state in ("finished", "stopped"), f"its weights are there: {told}")
        if not hit and not stopped:
            self.expect(state == "finished", f"{told}")
        if stopped and not hit:
            self.expect(state in ("stopped", "finished"), f"{told}")
        if "trainer" in hit and not finished and not stopped:
            self.expect(state in ("failed", "lost"), f"{told}")
        self.expect(told["step"] in (None, *(taken[-1:] or [0])), f"{told['step']} but {taken[-1:]}")
        return state

    def steps(self) -> list[int]:
        file = self.output / "metrics.jsonl"
        rows = file.read_text().splitlines() if file.exists() else []
        return [json.loads(row)["step"] for row in rows if row.endswith("}")]

    def whole(self) -> None:
        for path in self.output.glob("checkpoint-*"):
            self.expect(path.name.removeprefix("checkpoint-").isdecimal(), f"half a checkpoint: {path.name}")

    def go_on(self, state: str) -> None:
        finished = (self.output / "pytorch_lora_weights.safetensors").exists()
        checkpoints = [path for path in self.output.glob("checkpoint-*") if path.is_dir()]
        again = self.doctor("resume", "--force", "--detach", "--offline")
        said = again.communicate()[0]
        if not checkpoints:
            self.expect(again.returncode == 2, f"resumed from nothing: {said}")
            self.expect("left no checkpoint" in said, said)
            return
        if again.returncode == 2 and "has taken all its steps" in said:
            newest = max(int(path.name.removeprefix("checkpoint-")) for path in checkpoints)
            self.expect(finished or newest >= self.bench.steps, said)
            return
        self.expect(again.returncode == 0, f"{state}: {said}")
        end = time.monotonic() + self.bench.patience
        while self.living() and time.monotonic() < end:
            time.sleep(0.1)
        _code, told = self.status()
        self.expect(told["state"] == "finished", f"resumed: {told}")
        self.expect(self.steps() == list(range(1, self.bench.steps + 1)), f"steps {self.steps()}")

    def expect(self, true: bool, otherwise: str) -> None:
        if not true:
            raise WentWrongError(otherwise)


def _role(process: psutil.Process) -> str:
    if process.status() == psutil.STATUS_ZOMBIE:
        return ""
    words = process.cmdline()
    if "dualano_setup.runs.launch.supervisor" in words:
        return "supervisor"
    if "accelerate.commands.launch" in words or any(word.endswith("stub_launcher.py") for word in words):
        return "launcher"
    started = any(word.endswith(("stub_trainer.py", "code/train.py")) for word in words)
    return "trainer" if started else ""


def main() -> int:
    """Prints one line a trial that went wrong, then the sum. Returns 1 where one did."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("trials", type=int)
    reader.add_argument("--env", type=Path, help="a training environment; default: the stub")
    reader.add_argument("--seed", type=int, default=0)
    reader.add_argument("--jobs", type=int, default=2)
    said = reader.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory(
        prefix="trials-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    ) as top:
        bench = real_bench(Path(top), said.env) if said.env else stub_bench(Path(top))
        ends: Counter[tuple[str, str]] = Counter()
        wrong = 0

        def one(number: int) -> None:
            nonlocal wrong
            try:
                ends[trial(bench, number, said.seed)] += 1
            except Exception as problem:
                wrong += 1
                print(f"trial {number}: {type(problem).__name__}: {problem}", flush=True)

        with ThreadPoolExecutor(said.jobs) as pool:
            list(pool.map(one, range(said.trials)))
    for (hit, state), count in sorted(ends.items()):
        print(f"{count:4} killed {hit}: {state}")
    print(f"{said.trials - wrong} of {said.trials} well")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
