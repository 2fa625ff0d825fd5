"""Stays with one job of a campaign until its steps are committed: `python -m dualano_setup.campaigns.supervise`.

It holds the job's claim and the GPU's lock, runs each step's command in a process group of its own that ends with it,
and commits what the command left. Whoever starts it (a loop here, a batch system, ssh) may start it twice, kill it, or
stop it for an hour: what counts is on disk, and only its claim's number lets it commit.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from ..language import DEFAULT, _, speak
from ..system.processes import JOB_VARIABLE, end_marked
from .claims import LostError, TakenError, take
from .commands import Folders
from .gpu_lock import BusyError, gpu_lock
from .plan import Plan
from .retries import BUSY, DONE, LIMIT, End
from .store import load_plan
from .work import AT_ONCE, EndingError, Work

HELD = 75
"""Exit status where somebody else has the job."""


def main(arguments: list[str], plan: Plan | None = None) -> int:
    """Does what is left of a job. Returns 0 when all its steps are committed, 1 when not, HELD when another has it.

    `plan`: the campaign's, for a caller that has it in memory.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("job")
    parser.add_argument("--gpu", default="")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--ticket", default="")
    parser.add_argument("--batch", action="store_true")  # a batch system's: it keeps GPUs apart and may requeue
    said = parser.parse_args(arguments)
    speak(os.environ.get("DUALANO_LANG", DEFAULT))
    wishes = _listen()
    plan = plan or load_plan(said.root)
    job = next(one for one in plan.jobs if one.id == said.job)
    folder = Folders(said.root).job(job.id)
    place = socket.gethostname() + (f":{said.gpu}" if said.gpu else "")
    lease = float(plan.how["lease"])
    try:
        held = take(folder, lease=lease, place=place, ticket=said.ticket, wait=1.5 * lease if said.batch else 0.0)
    except TakenError as taken:
        print(_("{job} is held by claim {number}", job=job.id, number=taken.claim.number), flush=True)
        return HELD
    began = time.time()
    work = Work(said.root, plan, job, held, wishes, place, said.gpu, said.threads)
    try:
        if held.claim.number > 1:  # what a try before this one left on this machine
            end_marked(str(folder), AT_ONCE, JOB_VARIABLE)
        with gpu_lock("" if said.batch else said.gpu, folder) as lock:
            work.lock = lock
            end = work.all_steps()
    except BusyError as busy:
        end = End(BUSY, words=_("the GPU is used by {job}", job=str(busy)))
    except EndingError as ending:
        end = ending.end
    except LostError:
        print(_("the claim on {job} is lost: nothing is committed", job=job.id), flush=True)
        return HELD
    except OSError as error:
        kind = "disk" if error.errno in (28, 122) else "node"
        end = End(kind, words=f"{error.strerror}: {error.filename or ''}", name="system")
    row = asdict(end) | {"place": place, "seconds": time.time() - began, "ended": time.time(),
                         "claim": held.claim.number}  # fmt: skip
    held.end(row)
    if said.batch and end.kind == LIMIT and 10 in wishes:
        _requeue()
    return 0 if end.kind == DONE else 1


def _listen() -> list[int]:
    """The signals received from here on. A terminal's are passed over: whoever sits there asks by `campaign stop`."""
    received: list[int] = []
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, lambda number, _frame: received.append(number))
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    return received


def _requeue() -> None:
    """Asks the batch system for another go, so that the job goes on though nobody watches."""
    variables = os.environ
    array, task = variables.get("SLURM_ARRAY_JOB_ID"), variables.get("SLURM_ARRAY_TASK_ID")
    name = f"{array}_{task}" if array and task else variables.get("SLURM_JOB_ID")
    program = shutil.which("scontrol")
    if program and name:
        subprocess.run([program, "requeue", name], stdin=subprocess.DEVNULL, check=False, timeout=60)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
