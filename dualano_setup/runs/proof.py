"""`prove`: two real steps through the real launch path, then a third from the checkpoint they wrote.

Each thing proved is looked at in what the trainer wrote, not in what it said.
"""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import WorkError
from ..facts.sheet import FactSheet
from ..language import _
from ..settings.options import Settings
from .ending import newest_checkpoint
from .launch.arguments import required, without
from .launch.handoff import Started, interpreter_of, prepare, start
from .launch.tools import make_miniature
from .look import RunView
from .progress import metric_rows, number
from .records import RunRecord
from .watch.report import STATES

STEPS = 2
USUAL_STEPS = 5000
MINIATURE_PIXELS = 64


@dataclass(frozen=True, slots=True)
class Proof:
    """What two steps and one resumed step showed. `memory` is GiB of GPU memory at the peak, None on a CPU.

    `seconds_per_step` is the last step's of the first start: the ones before it still warm things up.
    """

    losses: tuple[float, ...]
    seconds_per_step: float
    memory: float | None
    checkpoint: str
    miniature: bool

    @property
    def usual_seconds(self) -> float:
        """How long USUAL_STEPS take at that speed."""
        return self.seconds_per_step * USUAL_STEPS


class ProofError(WorkError):
    """The training does not work here. The message says where it ended and why."""


Watch = Callable[[Started], RunView]


def settle(settings: Settings, sheet: FactSheet, extra: Sequence[str], say: Callable[[str], None]) -> Settings:
    """The settings to prove with: the user's own model and data where all are named, else the miniature ones.

    Raises ProofError when the miniature ones cannot be made.
    """
    if not required(settings, extra, "bundled"):
        return settings
    folder = settings.state / "miniature"
    say(
        _(
            "no model and data named: proving with miniature ones in {folder} (random weights, drawn pictures)",
            folder=folder,
        )
    )
    if make_miniature(interpreter_of(sheet), folder, sys.stderr):  # stdout is for the proof
        raise ProofError(_("the miniature model and data could not be made; the lines above say why"))
    return on_the_miniature(settings, folder)


def on_the_miniature(settings: Settings, folder: Path, anomaly: str | None = None) -> Settings:
    """The settings pointed at what `trainer.miniature` made in `folder`; `anomaly` None: the first one."""
    image_folders = sorted(path for path in (folder / "data").glob(f"*/test/{anomaly or '*'}") if path.name != "good")
    if not image_folders:
        raise ProofError(_("{folder} holds no miniature data; remove it and try again", folder=folder))
    first = image_folders[0]
    return replace(
        settings,
        model=folder / "model",
        data=folder / "data",
        foreground=folder / "foreground",
        category=first.parent.parent.name,
        anomaly=first.name,
        anomalies=(),
        resolution=MINIATURE_PIXELS,
        rank=min(settings.rank, 4),
    )


def prove(settings: Settings, sheet: FactSheet, extra: Sequence[str], watch: Watch, miniature: bool) -> Proof:
    """Proves that training works. `watch(started)` shows a run until it ends.

    Raises ProofError when it does not, LaunchError when nothing could be started.
    """
    output = settings.state / "prove" / "output"
    shutil.rmtree(output, ignore_errors=True)
    wanted = replace(settings, output=output)
    # Where its two runs begin is for the proof to say.
    extra = without(["--resume_from_checkpoint"], extra)
    record = _run(wanted, sheet, [*extra, *_flags(output, STEPS)], watch)
    rows = metric_rows(record.metrics)
    losses = tuple(value for row in rows if (value := number(row.get("loss"))) is not None)
    if len(losses) != STEPS or not all(map(math.isfinite, losses)):
        raise ProofError(
            _(
                "the losses of {steps} steps are {losses}, expected {steps} finite numbers",
                steps=STEPS,
                losses=losses or _("not there"),
            )
        )
    checkpoint = newest_checkpoint(output)
    if checkpoint != f"checkpoint-{STEPS}":
        raise ProofError(
            _(
                "after step {steps} there is {checkpoint} in {output}",
                steps=STEPS,
                checkpoint=checkpoint or _("no checkpoint"),
                output=output,
            )
        )
    go_on = [*_flags(output, STEPS + 1), "--resume_from_checkpoint", checkpoint]
    resumed = _run(wanted, sheet, [*without(["--initial_weights"], extra), *go_on], watch)
    last = metric_rows(resumed.metrics)[-1]
    loss = number(last.get("loss"))
    if last.get("step") != STEPS + 1 or loss is None or not math.isfinite(loss):
        raise ProofError(
            _(
                "resuming from {checkpoint} gave step {last} with loss {loss}",
                checkpoint=checkpoint,
                last=last.get("step"),
                loss=loss,
            )
        )
    memory = [value for row in rows if (value := number(row.get("gpu_memory_gib"))) is not None]
    seconds = [value for row in rows[1:] if (value := number(row.get("seconds"))) is not None]
    shutil.rmtree(settings.state / "prove", ignore_errors=True)
    return Proof((*losses, loss), seconds[-1], max(memory, default=None), checkpoint, miniature)


def _flags(output: Path, steps: int) -> list[str]:
    return [
        *("--output_dir", str(output), "--max_train_steps", str(steps)),
        *("--checkpointing_steps", str(steps), "--report_to", "none"),
    ]


def _run(settings: Settings, sheet: FactSheet, extra: Sequence[str], watch: Watch) -> RunRecord:
    """One run to its end. Raises ProofError with its cause when it does not finish."""
    state = settings.state / "prove"
    run, record, launch = prepare(settings, sheet, trainer="bundled", extra=extra, label="prove", state=state)
    view = watch(start(run, record, launch))
    if view.verdict.state != "finished":
        why = "\n  ".join(view.cause) or view.verdict.detail
        raise ProofError(
            _(
                "the training {state}:\n  {why}\nits log: {log}",
                state=_(STATES[view.verdict.state]),
                why=why,
                log=run.log,
            )
        )
    return record
