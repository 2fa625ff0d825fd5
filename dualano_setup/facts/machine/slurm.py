"""Asking Slurm for a look at a compute node: which partition has GPUs, and what a small job sees there."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...errors import WorkError
from ...language import _
from ...light_dataclasses import dataclass
from ...system.files import first_executable
from ...system.probe_command import run

ANSWER_SECONDS = 10.0
"""For `sinfo`; a busy controller takes seconds."""
LOOK_SECONDS = 120.0
"""For the look itself once a node is there: a Python on a shared disk that wakes up, a driver likewise."""
MOST_OUTPUT = 1 << 26  # bytes
# This very program, wherever it lies: a cluster's nodes share the disk, and PYTHONPATH is not handed to children.
_START = "import sys; sys.path[:0] = [sys.argv.pop(1)]; from dualano_setup.__main__ import main; sys.exit(main())"
_CHOSEN = ("SLURM_PARTITION", "SLURM_GRES", "SLURM_GPUS")  # srun reads these itself


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition to ask for. `gpus`: whether its nodes offer some as a resource."""

    name: str
    gpus: bool


def tool(name: str, variables: Mapping[str, str]) -> str | None:
    """The path of one of Slurm's programs."""
    return first_executable(f"{folder}/{name}" for folder in variables.get("PATH", os.defpath).split(os.pathsep))


def partition(variables: Mapping[str, str]) -> Partition | None:
    """The first partition that is up and offers GPUs, else the first that is up; None where no cluster answers."""
    sinfo = tool("sinfo", variables)
    if sinfo is None:
        return None
    outcome = run([sinfo, "-h", "-o", "%R|%a|%G"], deadline=ANSWER_SECONDS, variables=variables)
    rows = [line.strip().split("|") for line in outcome.output.splitlines()] if outcome.status == 0 else []
    up = [Partition(row[0], "gpu" in row[2]) for row in rows if len(row) == 3 and row[1] == "up"]
    return next((one for one in up if one.gpus), up[0] if up else None)


def look_there(where: Partition, arguments: Sequence[str], wait: float, variables: Mapping[str, str]) -> str:
    """What `check --json` says on a node of that partition, which is waited for at most `wait` seconds.

    `arguments` are the flags of this check. Raises WorkError with srun's own words where there is no answer.
    """
    srun = tool("srun", variables)
    if srun is None:
        raise WorkError(_("`srun` is not on the PATH"))
    command = [srun, "--quiet", "--nodes=1", "--ntasks=1", "--time=5", "--job-name=dualano-check"]
    if variables.get("SLURM_JOB_ID"):
        command.append("--overlap")  # in an allocation that is there: no queue
    else:
        command.append(f"--immediate={max(1, int(wait))}")
        if not variables.get("SLURM_PARTITION"):
            command.append(f"--partition={where.name}")
        if where.gpus and not any(variables.get(name) for name in _CHOSEN[1:]):
            command.append("--gres=gpu:1")
    root = str(Path(__file__).resolve().parents[3])
    command += [sys.executable, "-c", _START, root, "check", "--json", "--offline", "--for", "here", *arguments]
    began = time.monotonic()
    outcome = run(command, deadline=wait + LOOK_SECONDS, variables=variables, most=MOST_OUTPUT)
    if outcome.output.lstrip().startswith("{"):  # also with status 1: something blocks there
        return outcome.output
    said = outcome.error.strip().splitlines()
    raise WorkError(
        _(
            "srun gave no report after {seconds:.0f} s: {words}",
            seconds=time.monotonic() - began,
            words="; ".join(said[-3:]) or _("it said nothing"),
        )
    )
