"""Looks at a run: reads its folder and its processes, and has the pure judge tell the state."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from pathlib import Path

from ..explain import last_error as cause
from ..system.processes import boot_id, is_alive, members
from .ending import newest_checkpoint
from .folder import RunFolder
from .progress import Progress, read_progress
from .records import ExitRecord, RunRecord
from .state import Sight, Verdict, judge_run


@dataclass(frozen=True, slots=True)
class RunView:
    """Everything `status` tells about one run."""

    run: RunFolder
    record: RunRecord
    verdict: Verdict
    progress: Progress | None
    exit: ExitRecord | None
    cause: tuple[str, ...]
    checkpoint: str

    @property
    def seconds(self) -> float:
        """How long it ran, or has been running."""
        return max(0.0, (self.exit.ended if self.exit else time.time()) - self.record.created)

    def document(self) -> dict[str, object]:
        """For --json."""
        progress = self.progress
        return {
            "run": self.run.name,
            "state": self.verdict.state,
            "detail": self.verdict.detail,
            "trainer": self.record.trainer,
            "step": progress.step if progress else None,
            "steps": progress.total if progress else self.record.steps,
            "loss": _json_number(progress.loss if progress else None),
            "seconds_per_step": progress.seconds_per_step if progress else None,
            "remaining_seconds": progress.remaining if progress and self.verdict.alive else None,
            "gpu_memory_gib": progress.memory if progress else None,
            "started": self.record.created,
            "ended": self.exit.ended if self.exit else None,
            "exit_status": self.exit.status if self.exit else None,
            "cause": list(self.cause),
            "checkpoint": self.checkpoint or None,
            "output": self.record.output,
            "log": str(self.run.log),
        }


def look_at(run: RunFolder, record: RunRecord) -> RunView:
    """What is to be seen of a run now."""
    processes, end = run.processes(), run.exit()
    sight = Sight(
        record,
        processes,
        run.stop_request(),
        end,
        bool(end is None and processes and is_alive(processes.supervisor)),
        len(members(record.key)) if end is None else 0,
        boot_id(),
        socket.gethostname(),
        time.time(),
        _silence(run.log, Path(record.metrics) if record.metrics else None),
    )
    verdict = judge_run(sight)
    return RunView(
        run,
        record,
        verdict,
        read_progress(record.metrics, run.log, record.steps),
        end,
        _cause(run, verdict, end),
        newest_checkpoint(Path(record.output)),
    )


def _cause(run: RunFolder, verdict: Verdict, end: ExitRecord | None) -> tuple[str, ...]:
    if verdict.state not in ("failed", "lost"):
        return ()
    return end.cause if end else cause.last_error(cause.read_end(run.log))


def _silence(*files: Path | None) -> float | None:
    times = [file.stat().st_mtime for file in files if file and file.exists()]
    return max(0.0, time.time() - max(times)) if times else None


def _json_number(value: float | None) -> float | str | None:
    """JSON has no NaN or infinity: they become text."""
    return str(value) if value is not None and value - value != 0 else value
