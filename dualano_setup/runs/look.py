"""Looks at a run: reads its folder and its processes, and has the pure judge tell the state."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..explain import last_error as cause
from ..system.clock import disk_clock
from ..system.files import size_of
from ..system.processes import boot_id, is_alive, members, pid_namespace
from .ending import newest_checkpoint
from .folder import FINAL_WEIGHTS, RunFolder
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


def look_at(run: RunFolder, record: RunRecord, living: Mapping[str, int] | None = None) -> RunView:
    """What is to be seen of a run now. `living`: what `living_runs` told, for one who looks at many."""
    processes, end = run.processes(), run.exit()
    boot, namespace = boot_id(), pid_namespace()
    told_boot = record.boot or (processes.supervisor.boot if processes else "")
    seen_here = told_boot == boot and record.namespace in ("", namespace)
    supervised = bool(end is None and seen_here and processes and is_alive(processes.supervisor))
    others = 0
    if end is None and seen_here and not supervised:  # every process's environment is read for this
        others = len(members(record.key)) if living is None else living.get(record.key, 0)
    over = end is not None or not (supervised or others)
    progress = read_progress(record, run.log, over=over)
    grown = _last_change(run.log, Path(record.metrics) if record.metrics else None)
    beat = _last_change(run.process_file, run.run_file)
    now = time.time() if end or seen_here else disk_clock(run.path)
    sight = Sight(
        record,
        processes,
        run.stop_request(),
        end,
        supervised,
        others,
        boot,
        socket.gethostname(),
        time.time(),
        None if grown is None else max(0.0, now - grown),
        max(0.0, now - max(beat or 0.0, grown or 0.0)),
        namespace,
        over and _is_done(record, progress),
    )
    verdict = judge_run(sight)
    return RunView(
        run, record, verdict, progress, end, _cause(run, verdict, end), newest_checkpoint(Path(record.output))
    )


def is_done(run: RunFolder, record: RunRecord) -> bool:
    """Whether a run whose processes have ended has taken all its steps, and left its weights."""
    return _is_done(record, read_progress(record, run.log, over=True))


def _is_done(record: RunRecord, progress: Progress | None) -> bool:
    """Whether all steps are taken and the weights, which are written after the last one, are there."""
    if progress is None or progress.step < record.steps:
        return False
    return any(size_of(Path(record.output) / name) is not None for name in FINAL_WEIGHTS)


def _cause(run: RunFolder, verdict: Verdict, end: ExitRecord | None) -> tuple[str, ...]:
    if verdict.state not in ("failed", "lost"):
        return ()
    return end.cause if end else cause.last_error(cause.read_end(run.log))


def _last_change(*files: Path | None) -> float | None:
    """When one of them was last written, in seconds since the epoch; None when none is there."""
    times = []
    for file in files:
        with contextlib.suppress(OSError, ValueError):
            times += [file.stat().st_mtime] if file else []
    return max(times, default=None)


def _json_number(value: float | None) -> float | str | None:
    """JSON has no NaN or infinity: they become text."""
    return str(value) if value is not None and value - value != 0 else value
