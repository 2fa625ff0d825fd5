"""One worker a GPU on this machine: a plain loop starts a supervisor wherever one has ended.

A supervisor is forked from the head, which has imported everything it needs: starting an interpreter for each would
cost 0.2 s of processor time, forty times as much. It has a session of its own and outlives the head.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path

from .. import supervise
from ..plan import Plan
from .orders import Order


class Local:
    """Supervisors on this machine."""

    def __init__(self, root: Path, plan: Plan, gpus: Sequence[str], workers: int) -> None:
        """`gpus`: as CUDA_VISIBLE_DEVICES names them; without any, `workers` jobs at once on the CPU."""
        self.root, self._plan = root, plan
        self._gpus = {f"gpu-{gpu}": gpu for gpu in gpus}
        self._places = tuple(self._gpus) or tuple(f"cpu-{number}" for number in range(workers))
        self._running: dict[str, int] = {}

    @property
    def places(self) -> tuple[str, ...]:
        """The GPUs, or as many workers as were asked for."""
        return self._places

    def submit(self, orders: Sequence[Order]) -> None:
        """Starts a supervisor for each. Raises OSError."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        threads = max(1, cores // len(self._places))
        for order in orders:
            gpu = self._gpus.get(order.place, "")
            more = ["--threads", str(threads), *(["--gpu", gpu] if gpu else [])]
            log = self.logs(order.job)
            log.parent.mkdir(parents=True, exist_ok=True)
            self._running[order.job] = _forked([str(self.root), order.job, *more], self._plan, log)

    def poll(self) -> set[str]:
        """Those whose supervisor has not ended."""
        self._running = {job: pid for job, pid in self._running.items() if not _has_ended(pid)}
        return set(self._running)

    def cancel(self, jobs: Iterable[str]) -> None:
        """Tells supervisors to end."""
        for job in jobs:
            if (pid := self._running.get(job)) and not _has_ended(pid):
                os.kill(pid, signal.SIGTERM)

    def logs(self, job: str) -> Path:
        """Beside the job's other files."""
        return self.root / "jobs" / job / "supervisor.log"


def _forked(arguments: list[str], plan: Plan, log: Path) -> int:
    """The process of a supervisor whose words go to `log`. Raises OSError."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        pid = os.fork()
        if pid == 0:
            _be_supervisor(arguments, plan, nothing, output)
        return pid
    finally:
        os.close(output)
        os.close(nothing)


def _be_supervisor(arguments: list[str], plan: Plan, nothing: int, output: int) -> None:
    """What the forked process does, and all that it ever does."""
    status = 1
    try:
        os.setsid()
        for number, handle in enumerate((nothing, output, output)):
            os.dup2(handle, number)
        os.chdir("/")
        status = supervise.main(arguments, plan)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _has_ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True
