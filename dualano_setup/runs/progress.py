"""How far a run is: from the trainer's metrics.jsonl, or from tqdm's line in the log where there is none."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from ..explain.last_error import read_end
from ..language import _
from .records import RunRecord

RECENT = 20
"""Steps over which the speed is told; the median, so that a checkpoint's pause does not count as slowness."""
_END_BYTES = 64_000
# Steps:  10%|█| 500/5000 [10:25<1:33:45,  1.25s/it, loss=0.0234, lr=2e-5]
_BAR = re.compile(
    r"(?<!\d)(?P<done>\d{1,18})/(?P<total>\d{1,18}) \[[\d:?]+<(?:[\d:?]+|\d+ days?, [\d:]+),"
    r"\s*(?P<speed>[\d.?]+)(?P<unit>s/it|it/s)(?P<more>[^\]]*)\]"
)
_LOSS = re.compile(r"\bloss=([-+.\w]+)")
_LR = re.compile(r"\blr=([-+.\w]+)")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands. Times are seconds; `memory` is GiB of GPU memory, None on a CPU or when not told."""

    step: int
    total: int
    loss: float | None = None
    lr: float | None = None
    seconds_per_step: float | None = None
    memory: float | None = None

    @property
    def remaining(self) -> float | None:
        """Seconds to the last step at the present speed."""
        if self.seconds_per_step is None:
            return None
        return max(0, self.total - self.step) * self.seconds_per_step


def read_progress(record: RunRecord, log: Path, *, over: bool) -> Progress | None:
    """How far the run is now, or came; None before its first step.

    A resumed run shares its metrics with the runs before and after it; its log is its own, and tells what it did. Of
    runs that one command trains, the log is all of theirs, and the metrics are its own.
    """
    bar = from_bar(read_end(log, _END_BYTES))
    if not record.metrics or (over and bar and not record.together):
        return bar
    resumed = any(argument.startswith("--resume_from_checkpoint") for argument in record.argv)
    if resumed and not bar:
        return None
    return from_metrics(read_end(Path(record.metrics), _END_BYTES), record.steps)


def from_metrics(text: str, total: int) -> Progress | None:
    """Progress from the last lines of a metrics.jsonl. Lines cut off at either end are passed over."""
    rows = list(_rows(text.splitlines()[-RECENT:]))
    if not rows:
        return None
    last = rows[-1]
    seconds = [value for row in rows if (value := number(row.get("seconds"))) is not None]
    return Progress(
        int(str(last["step"])),
        total,
        number(last.get("loss")),
        number(last.get("lr")),
        median(seconds) if seconds else None,
        number(last.get("gpu_memory_gib")),
    )


def from_bar(text: str) -> Progress | None:
    """Progress from the last progress line in a log."""
    matches = list(_BAR.finditer(text))
    if not matches:
        return None
    last = matches[-1]
    speed = number(last["speed"])
    if speed and last["unit"] == "it/s":
        speed = 1 / speed
    loss, lr = _LOSS.search(last["more"]), _LR.search(last["more"])
    return Progress(
        int(last["done"]),
        int(last["total"]),
        number(loss[1]) if loss else None,
        number(lr[1]) if lr else None,
        speed or None,
    )


def is_bar(line: str) -> bool:
    """Whether a log line is only a progress bar's."""
    return _BAR.search(line) is not None or re.search(r"^Steps:\s+\d+%\|", line) is not None


def duration(seconds: float | None) -> str:
    """Seconds for people: "1.3 s", "4 min 20 s", "4 h 12 min"; "?" when not known."""
    if seconds is None or not math.isfinite(seconds):
        return "?"
    if seconds < 60:
        return _("{seconds:.1f} s", seconds=seconds) if seconds < 10 else _("{seconds:.0f} s", seconds=seconds)
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return _("{minutes} min {rest} s", minutes=minutes, rest=rest)
    return _("{minutes} h {minutes_2} min", minutes=minutes // 60, minutes_2=minutes % 60)


def line_of(progress: Progress) -> str:
    """One line of text: step, loss, speed, remaining, GPU memory."""
    parts = [_("step {step}/{total}", step=progress.step, total=progress.total)]
    if progress.loss is not None:
        parts.append(_("loss {loss:.4f}", loss=progress.loss))
    if progress.seconds_per_step is not None:
        parts.append(_("{seconds_per_step:.3g} s/step", seconds_per_step=progress.seconds_per_step))
        parts.append(_("{remaining} left", remaining=duration(progress.remaining)))
    if progress.memory is not None:
        parts.append(_("GPU {memory:.1f} GiB", memory=progress.memory))
    return " · ".join(parts)


def metric_rows(metrics: str) -> list[dict[str, object]]:
    """The last rows of a metrics.jsonl, oldest first."""
    return list(_rows(read_end(Path(metrics), _END_BYTES).splitlines()))


def _rows(lines: Iterable[str]) -> Iterable[dict[str, object]]:
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and type(row.get("step")) is int:
            yield row


def number(value: object) -> float | None:
    """A number, also where the trainer had to write "nan" or "inf" as text."""
    try:
        return float(value) if isinstance(value, (int, float, str)) else None
    except (ValueError, OverflowError):
        return None
