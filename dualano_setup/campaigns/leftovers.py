"""What earlier campaigns have left running on this machine: found by a variable in its environment, and named."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from ..system.processes import JOB_VARIABLE, end_marked, marked, send
from . import claims

_GRACE = 20.0


@dataclass(frozen=True, slots=True)
class Leftover:
    """Processes of one job. `held`: its supervisor lives and holds the job, so they are no leftovers but at work."""

    job: Path
    pids: tuple[int, ...]
    held: bool

    @property
    def campaign(self) -> Path:
        """The folder of the campaign."""
        return self.job.parent.parent


def found_here() -> list[Leftover]:
    """Everything that campaigns' jobs run on this machine, as far as this user may see it."""
    by_job: dict[str, list[int]] = {}
    for pid, job in marked(JOB_VARIABLE):
        if pid != os.getpid():
            by_job.setdefault(job, []).append(pid)
    return [Leftover(Path(job), tuple(pids), _is_held(Path(job))) for job, pids in sorted(by_job.items())]


def end_job(folder: Path) -> None:
    """Ends a job's supervisor on this machine and everything it started: SIGTERM, then SIGKILL."""
    claim = claims.newest(folder)
    holder = claim.holder() if claim else None
    if holder is not None and holder.is_here:
        send([holder.identity], signal.SIGTERM)
        send([holder.identity], signal.SIGCONT)
    end_marked(str(folder), _GRACE, JOB_VARIABLE)
    if holder is not None and holder.is_here:
        send([holder.identity], signal.SIGKILL)


def end_stalled(folder: Path) -> None:
    """Ends, without asking, what a supervisor that was stopped past its lease still has here, and itself."""
    claim = claims.newest(folder)
    holder = claim.holder() if claim else None
    if claim is not None:
        claims.close(claim)
    if holder is not None and holder.is_here:
        send([holder.identity], signal.SIGKILL)
    end_marked(str(folder), 1.0, JOB_VARIABLE)


def _is_held(job: Path) -> bool:
    claim = claims.newest(job)
    return claim is not None and claim.state() == "live"


if __name__ == "__main__":
    end_job(Path(sys.argv[1]) / "jobs" / sys.argv[2])
