"""A thin `sbatch` array of ordinary commands; nothing is pickled, and Slurm's own queue is asked what became of it.

`squeue` tells which are waiting or running; that needs no accounting. What is not there any more has ended, and how is
told by the job's own folder; where it says nothing (cancelled while waiting, a node that went down), `sacct`, or
without accounting `scontrol`, is asked for the reason.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from ...errors import WorkError
from ...language import _, spoken
from ...system.files import read_whole
from .orders import Order, package_path, supervisor_command, this_python

MOST_IN_ARRAY = 1000
"""Slurm's own default is 1,001 (MaxArraySize)."""
_SECONDS = 60.0
_SCRIPT = """#!/bin/bash
# Array of a campaign of dualano-doctor: one task a job of the list beside this file.
export PYTHONPATH={path}
export DUALANO_LANG={language}
job=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" {names})
exec {command} "$job" --batch --ticket "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
"""


class Slurm:
    """Arrays of supervisors. What was submitted is in `slurm/<array>.jobs`, so that any later process knows it."""

    places = None

    def __init__(self, root: Path, how: dict[str, Any]) -> None:
        """`how`: account, partition, gres, time, container, warn_seconds, sbatch_arguments of the plan."""
        self.root, self._how = root, how
        self._folder = root / "slurm"
        self._tickets: dict[str, str] | None = None

    def submit(self, orders: Sequence[Order]) -> None:
        """One array for all orders that avoid the same hosts. Raises WorkError when Slurm refuses."""
        for avoid, some in groupby(sorted(orders, key=lambda order: order.avoid), key=lambda order: order.avoid):
            jobs = [order.job for order in some]
            for start in range(0, len(jobs), MOST_IN_ARRAY):
                self._array(jobs[start : start + MOST_IN_ARRAY], avoid)

    def poll(self) -> set[str]:
        """Those that Slurm has in its queue. Raises WorkError when it does not answer."""
        listed = _ask("squeue", "--me", "-h", "-r", "-n", self._name, "-o", "%F_%K %T")
        alive = {line.split()[0] for line in listed.splitlines() if line.split()}
        return {job for job, ticket in self._known().items() if ticket in alive}

    def cancel(self, jobs: Iterable[str]) -> None:
        """`scancel`."""
        if tickets := [self._known()[job] for job in jobs if job in self._known()]:
            _ask("scancel", *tickets)

    def logs(self, job: str) -> Path:
        """What Slurm appends the task's output to."""
        return self._folder / f"{self._known().get(job, 'none')}.log"

    def reason(self, job: str) -> str:
        """Slurm's own word on a task that has left its queue: a state such as CANCELLED, and the nodes. "" unknown."""
        ticket = self._known().get(job)
        if ticket is None:
            return ""
        try:
            rows = _ask("sacct", "-n", "-X", "-P", "-j", ticket, "-o", "State,NodeList").splitlines()
            if rows:
                return rows[0].replace("|", " ").strip()
        except WorkError:  # no accounting here
            pass
        try:
            said = _ask("scontrol", "show", "job", ticket, "-o").split()
        except WorkError:  # forgotten after MinJobAge
            return ""
        words = dict(word.split("=", 1) for word in said if "=" in word)
        return f"{words.get('JobState', '')} {words.get('NodeList', '')}".strip()

    @property
    def _name(self) -> str:
        return f"dualano-{self.root.name}"

    def _array(self, jobs: Sequence[str], avoid: tuple[str, ...]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f"submit-{os.getpid()}-{len(self._known())}-{jobs[0]}"
        names, script = draft.with_suffix(".jobs"), draft.with_suffix(".sh")
        names.write_text("".join(f"{job}\n" for job in jobs), encoding="utf-8")
        command = supervisor_command(self._how.get("python") or this_python(), self.root, "")[:-1]
        if self._how.get("container"):
            command = ["srun", f"--container-image={self._how['container']}", *command]
        script.write_text(
            _SCRIPT.format(path=shlex.quote(package_path()), language=spoken(), names=shlex.quote(str(names)),
                           command=shlex.join(command)), encoding="utf-8",
        )  # fmt: skip
        said = _ask("sbatch", *self._flags(len(jobs), avoid), str(script))
        array = said.strip().split(";")[0]
        if not array.isdecimal():
            raise WorkError(_("sbatch answered {said!r}, expected the number of a job", said=said.strip()))
        names.rename(self._folder / f"{array}.jobs")
        # The running script reads the list by its name: both names lead to it.
        names.symlink_to(f"{array}.jobs")
        if self._tickets is not None:
            self._tickets |= {job: f"{array}_{number}" for number, job in enumerate(jobs)}

    def _flags(self, count: int, avoid: tuple[str, ...]) -> list[str]:
        how = self._how
        flags = [
            "--parsable", f"--job-name={self._name}", f"--array=0-{count - 1}{_at_once(how)}", "--requeue",
            "--open-mode=append", f"--output={self._folder}/%A_%a.log", f"--signal=B:USR1@{how['warn_seconds']}",
            f"--chdir={how['project']}",
        ]  # fmt: skip
        flags += [f"--{key}={how[key]}" for key in ("account", "partition", "gres", "time") if how.get(key)]
        flags += [f"--exclude={','.join(avoid)}"] if avoid else []
        return [*flags, *how.get("sbatch_arguments", ())]

    def _known(self) -> dict[str, str]:
        """The newest ticket (array_task) of each job that was ever submitted."""
        if self._tickets is None:
            files = sorted((int(path.stem), path) for path in self._folder.glob("*.jobs") if path.stem.isdecimal())
            self._tickets = {}
            for array, path in files:
                for number, job in enumerate(read_whole(path, 1 << 22).decode().splitlines()):
                    self._tickets[job] = f"{array}_{number}"
        return self._tickets


def _at_once(how: dict[str, Any]) -> str:
    return f"%{how['workers']}" if how.get("workers") else ""


def _ask(*command: str) -> str:
    """What one of Slurm's commands prints. Raises WorkError when it fails or does not answer."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              timeout=_SECONDS)  # fmt: skip
    except FileNotFoundError as error:
        raise WorkError(_("{program} is not there: Slurm's commands are needed on the machine that runs the campaign",
                          program=command[0])) from error  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise WorkError(
            _("{program} gave no answer in {seconds:.0f} s", program=command[0], seconds=_SECONDS)
        ) from error
    if done.returncode:
        raise WorkError(_("{program} failed: {said}", program=command[0], said=done.stderr.strip() or done.returncode))
    return done.stdout
