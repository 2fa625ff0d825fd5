"""One worker a GPU on this machine: a plain loop starts a supervisor wherever one has ended."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from ...language import spoken
from .orders import Order, supervisor_command, this_python, with_package


class Local:
    """Supervisors on this machine, each in a session of its own: they outlive a head that is killed."""

    def __init__(self, root: Path, gpus: Sequence[str], workers: int) -> None:
        """`gpus`: as CUDA_VISIBLE_DEVICES names them; without any, `workers` jobs at once on the CPU."""
        self.root = root
        self._gpus = {f"gpu-{gpu}": gpu for gpu in gpus}
        self._places = tuple(self._gpus) or tuple(f"cpu-{number}" for number in range(workers))
        self._running: dict[str, subprocess.Popen[bytes]] = {}

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
            command = supervisor_command(this_python(), self.root, order.job, *more)
            log = self.logs(order.job)
            log.parent.mkdir(parents=True, exist_ok=True)
            variables = with_package(dict(os.environ)) | {"DUALANO_LANG": spoken()}
            with log.open("ab") as output:
                self._running[order.job] = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd="/",
                    env=variables, start_new_session=True,
                )  # fmt: skip

    def poll(self) -> set[str]:
        """Those whose supervisor has not ended."""
        self._running = {job: process for job, process in self._running.items() if process.poll() is None}
        return set(self._running)

    def cancel(self, jobs: Iterable[str]) -> None:
        """Tells supervisors to end."""
        for job in jobs:
            if (process := self._running.get(job)) and process.poll() is None:
                process.send_signal(signal.SIGTERM)

    def logs(self, job: str) -> Path:
        """Beside the job's other files."""
        return self.root / "jobs" / job / "supervisor.log"
