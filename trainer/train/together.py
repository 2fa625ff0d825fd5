"""Several anomaly types that train together on one frozen network: a run each, whose steps share their passes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tqdm import tqdm  # type: ignore[import-untyped]

from ..cli.interrupt import Interrupt
from ..errors import TrainerError
from .assembly import Training, fewer
from .environment import Run
from .loop import Loop, take_steps
from .reports import DivergedError, QueuedStep, StepReports
from .sample_sheets import SampleSheets


@dataclass(slots=True)
class Lane:
    """One of the types.

    Attributes:
        run: its run.
        loop: its steps.
        start: steps done before.
    """

    run: Run
    loop: Loop
    start: int


class Together:
    """Takes the steps of all types at once; a type that ends, or fails, leaves the others to go on.

    Args:
        runs: the types' runs.
        trainings: their parts, around one network; the list is emptied, so that nothing else keeps them alive.
        reports: where each one's steps are reported.
        sheets: each one's sample sheets, or None.
        starts: steps done before.
        interrupt: whether to stop.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        trainings: list[Training],
        reports: Sequence[StepReports],
        sheets: Sequence[SampleSheets | None],
        starts: Sequence[int],
        interrupt: Interrupt,
    ) -> None:
        rows = zip(runs, trainings, reports, sheets, starts, strict=True)
        self._lanes = [Lane(run, Loop(run, own, its, interrupt, sheet), start) for run, own, its, sheet, start in rows]
        trainings.clear()
        self._failed: list[str] = []
        first = self._lanes[0]
        self._bar = tqdm(
            total=first.run.config.max_train_steps,
            initial=min(starts),
            desc="Steps",
            disable=not first.run.is_first,
            file=sys.stderr,
            dynamic_ncols=True,
            mininterval=0.5 if sys.stderr.isatty() else 2.0,
        )

    def run(self) -> int:
        """Take all steps; 0 when every type is done, 1 when one failed, 128 + signal when interrupted."""
        try:
            for lane in self._lanes:
                lane.loop.begin(lane.start)
            status = 0
            while self._lanes:
                self._leave([lane for lane in self._lanes if not lane.loop.steps_left])
                if any(lane.loop.stopped for lane in self._lanes):
                    status = max(self._ends(lane) for lane in self._lanes)
                    break
                if self._lanes:
                    self._step()
        finally:
            self._bar.close()
        if self._failed:
            names = ", ".join(self._failed)
            print(f"error: {len(self._failed)} of the trainings failed, the others did not: {names}", file=sys.stderr)
        return 1 if self._failed else status

    def _step(self) -> None:
        """One step of every type."""
        queued = take_steps([lane.loop for lane in self._lanes], [lane.loop.step for lane in self._lanes])
        failed = [lane for lane, step in zip(self._lanes, queued, strict=True) if not self._reports(lane, step)]
        self._bar.update(min(lane.loop.step for lane in self._lanes) - self._bar.n)
        losses = [lane.loop.last_loss for lane in self._lanes if lane not in failed]
        if losses:
            self._bar.set_postfix(loss=f"{sum(losses) / len(losses):.4f}", refresh=False)
        self._leave(failed, ended=False)

    def _reports(self, lane: Lane, queued: QueuedStep) -> bool:
        """Whether the type's step was well."""
        return self._well(lane, lambda: lane.loop.report(queued))

    def _ends(self, lane: Lane) -> int:
        """The exit status of a type whose last step is taken, or that is to stop."""
        status: list[int] = []
        return status[0] if self._well(lane, lambda: status.append(lane.loop.end())) else 1

    def _well(self, lane: Lane, work: Callable[[], object]) -> bool:
        """Do a type's work; whether it could be done. Where not, why is told.

        Raises:
            TrainerError: other processes would wait for this one, which alone knows of it.
        """
        try:
            work()
        except TrainerError as error:
            if lane.run.processes.num_processes > 1 and not isinstance(error, DivergedError):
                raise
            self._failed.append(str(lane.run.config.output_dir))
            if lane.run.is_first:
                tqdm.write(f"error: {lane.run.config.output_dir}: {error}", file=sys.stderr)
            return False
        return True

    def _leave(self, lanes: Sequence[Lane], *, ended: bool = True) -> None:
        """Go on without these types."""
        if not lanes:
            return
        for lane in lanes:
            if ended:
                self._ends(lane)
        self._lanes = [lane for lane in self._lanes if lane not in lanes]
        for lane in lanes:
            lane.loop.training = None  # type: ignore[assignment]
        if not self._lanes:
            return
        for lane in self._lanes:
            lane.loop.settle()
        trainings = [lane.loop.training for lane in self._lanes]
        for lane in self._lanes:
            lane.loop.training = None  # type: ignore[assignment]
            lane.loop.sheets = lane.loop.sheets and replace(lane.loop.sheets, training=None)  # type: ignore[arg-type]
        runs = [lane.run for lane in self._lanes]
        for lane, training in zip(self._lanes, fewer(runs, trainings), strict=True):
            lane.loop.training = training
            lane.loop.sheets = lane.loop.sheets and replace(lane.loop.sheets, training=training)
