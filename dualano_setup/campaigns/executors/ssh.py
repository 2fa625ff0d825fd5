"""A few boxes over ssh, with a folder that all of them see: the `ssh` program starts the same supervisors there.

The user's own ssh configuration, keys and jump hosts hold. A connection only starts a supervisor and returns: what it
does is told by the job's folder, so that a broken line ends nothing.
"""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ...errors import WorkError
from ...language import _, spoken
from .. import claims
from .orders import Order, package_path, supervisor_command, this_python

STARTS_WITHIN = 60.0
"""Seconds after which a supervisor that has not taken its job is taken for not started."""
_OPTIONS = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15")


class Ssh:
    """One worker for each GPU of each host: "box:0,1" has two, a bare "box" one without a GPU of its own choice."""

    def __init__(self, root: Path, how: dict[str, Any]) -> None:
        self.root, self._how = root, how
        self._places = dict(place for host in how["hosts"] for place in places_of(host))
        self._started: dict[str, tuple[float, int]] = {}
        self._where: dict[str, str] = {}

    @property
    def places(self) -> tuple[str, ...]:
        """Host and GPU."""
        return tuple(self._places)

    def submit(self, orders: Sequence[Order]) -> None:
        """Starts each on its box. Raises WorkError when a box cannot be reached, or has no such Python."""
        failed: list[str] = []
        with ThreadPoolExecutor(max(1, len(orders))) as side_by_side:
            for error in side_by_side.map(self._start, orders):
                failed += [error] if error else []
        if failed:
            raise WorkError("; ".join(dict.fromkeys(failed)))

    def _start(self, order: Order) -> str:
        """Starts one; what went wrong, in words."""
        host, gpu = self._places[order.place]
        folder = self.root / "jobs" / order.job
        folder.mkdir(parents=True, exist_ok=True)
        numbers = claims.numbers_of(folder)
        more = ["--ticket", order.place, *(["--gpu", gpu] if gpu else [])]
        command = supervisor_command(self._how.get("python") or this_python(), self.root, order.job, *more)
        line = (
            f"cd / && PYTHONPATH={shlex.quote(package_path())} DUALANO_LANG={spoken()} "
            f"setsid nohup {shlex.join(command)} </dev/null >>{shlex.quote(str(self.logs(order.job)))} 2>&1 & "
            "echo started"
        )
        try:
            said = _ssh(host, f"test -d {shlex.quote(str(self.root))} && {{ {line}; }}")
        except WorkError as error:
            return str(error)
        if "started" not in said:
            return _("{host} does not see {root}: all boxes need that folder", host=host, root=self.root)
        self._started[order.job] = (time.monotonic(), numbers[-1] if numbers else 0)
        self._where[order.job] = host
        return ""

    def poll(self) -> set[str]:
        """Those whose claim holds, or that were started a moment ago and have none yet."""
        alive = set()
        for job, (since, before) in list(self._started.items()):
            claim = claims.newest(self.root / "jobs" / job)
            if claim is None or claim.number <= before:
                if time.monotonic() - since < STARTS_WITHIN:
                    alive.add(job)
                    continue
            elif claim.state() == "live":
                alive.add(job)
                continue
            del self._started[job]
        return alive

    def cancel(self, jobs: Iterable[str]) -> None:
        """Ends the supervisor and all that it started, on its box; a box that cannot be reached keeps them."""
        for job in jobs:
            claim = claims.newest(self.root / "jobs" / job)
            holder = claim.holder() if claim else None
            host = self._where.get(job) or (self._places[holder.ticket][0] if holder and holder.ticket in self._places
                                            else "")  # fmt: skip
            if not host or holder is None:
                continue
            python = self._how.get("python") or this_python()
            command = [python, "-m", "dualano_setup.campaigns.leftovers", str(self.root), job]
            try:
                _ssh(host, f"cd / && PYTHONPATH={shlex.quote(package_path())} {shlex.join(command)}")
            except WorkError:
                continue

    def logs(self, job: str) -> Path:
        """In the shared folder."""
        return self.root / "jobs" / job / "supervisor.log"


def places_of(host: str) -> list[tuple[str, tuple[str, str]]]:
    """("box:0", ("box", "0")) for each GPU that "box:0,1" names; ("box", ("box", "")) without."""
    name, colon, gpus = host.rpartition(":")
    if not colon or not all(part.isalnum() for part in gpus.split(",")):
        return [(host, (host, ""))]
    return [(f"{name}:{gpu}", (name, gpu)) for gpu in gpus.split(",")]


def _ssh(host: str, line: str) -> str:
    """What a command line prints there. Raises WorkError when the box does not answer or the line fails."""
    command = ["ssh", *_OPTIONS, host, line]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=90
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise WorkError(_("ssh to {host} failed: {error}", host=host, error=error)) from error
    if done.returncode == 255:
        raise WorkError(_("ssh to {host} failed: {error}", host=host, error=done.stderr.strip()))
    return done.stdout
