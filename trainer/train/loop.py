"""The training loop: queue a step, report the one before, write checkpoints, end cleanly."""

from __future__ import annotations

import signal
from collections.abc import Sequence

import torch

from ..cli.interrupt import Interrupt
from ..data.batches import StepPlan, draw
from ..method.objective import StepInputs, join
from ..optim.adamw import average_over_processes
from ..run_folder.checkpoints import limit_checkpoints, save_checkpoint
from ..weights.adapter_file import write_final_weights
from .assembly import Training
from .environment import Run
from .reports import DivergedError, QueuedStep, StepReports
from .sample_sheets import SampleSheets


class Loop:
    """The steps of one run.

    Args:
        run: the run.
        training: its parts.
        reports: where each step is reported.
        interrupt: whether to stop.
        sheets: makes sample sheets; None without them, and in processes other than the first.

    Attributes:
        training: the run's parts.
        sheets: makes sample sheets, or None.
        planner: which samples each step takes.
        step: how many are done.
    """

    def __init__(
        self,
        run: Run,
        training: Training,
        reports: StepReports,
        interrupt: Interrupt,
        sheets: SampleSheets | None = None,
    ) -> None:
        self._run, self.training, self._reports = run, training, reports
        self.planner = run.planner
        self._interrupt, self.sheets = interrupt, sheets
        self.step = self._saved = 0

    def run(self, start: int) -> int:
        """Take the steps from `start` on, write checkpoints and, at the end, the weights."""
        self.begin(start)
        while self.steps_left and not self.stopped:
            self.report(self.take_step(self.step))
        return self.end()

    @property
    def steps_left(self) -> bool:
        """Whether there is another step to take."""
        return self.step < self._run.config.max_train_steps

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._reports.stop

    @property
    def last_loss(self) -> float:
        """Of the last step that was reported."""
        return self._reports.loss

    def settle(self) -> None:
        """Wait for the step at hand, and report it."""
        self._reports.settle()

    def begin(self, start: int) -> None:
        """Be ready for the step `start`."""
        total = self._run.config.max_train_steps
        if start >= total:
            self._reports.message(nothing_left(start, total))
        self.step = self._saved = start
        self._reports.start_clock()

    def report(self, queued: QueuedStep) -> None:
        """What follows a step that was queued: its report, its checkpoint, its sheet."""
        config = self._run.config
        self._reports.add(queued)
        self.step = queued.step
        if self.step % config.checkpointing_steps == 0 or self.step == config.max_train_steps:
            self.save(self.step)
            self._saved = self.step
        if self.sheets is not None and self.step % config.validation_steps == 0:
            self.show(self.sheets, self.step)

    def end(self) -> int:
        """After the last step, or the one after which it was to stop; returns the exit status."""
        step, total = self.step, self._run.config.max_train_steps
        self._reports.settle()
        if step < total:
            if self._saved != step:
                self.save(step)
            self._reports.message(f"Stopped after step {step} of {total}; go on with --resume_from_checkpoint latest.")
            # Some process was told to stop; this one may not have been told yet.
            return 128 + (self._interrupt.received or signal.SIGTERM)
        self.export()
        return 0

    def take_step(self, step: int) -> QueuedStep:
        """Queue one step, counted from 0, on the device."""
        (queued,) = take_steps([self], [step])
        return queued

    def update(self, step: int, samples: int, losses: Sequence[torch.Tensor]) -> QueuedStep:
        """Change the weights by the gradient that was summed up, for a step of so many samples with these losses."""
        training, rate = self.training, self.training.rate.at(step)
        norm = training.optimizer.step(rate)
        stop = torch.full((), float(self._interrupt.received), device=self._run.device)
        shared = torch.stack([torch.stack(losses).mean(), stop])
        average_over_processes(shared)
        numbers = torch.stack([shared[0], norm, training.optimizer.scale.scale, shared[1]])
        return QueuedStep(step + 1, rate, samples, numbers)

    def inputs(self, step: int, plan: StepPlan) -> list[StepInputs]:
        """The inputs of this process' passes."""
        training = self.training
        means, stds = zip(*(training.latents.moments(plan, part) for part in plan.passes), strict=True)
        draws = draw(
            self._run.config.seed,
            step,
            len(plan.indices),
            pictures=training.pictures,
            latent=tuple(means[0].shape[2:]),
            timesteps=len(training.schedule),
            device=self._run.device,
        )
        result = []
        for part, mean, std in zip(plan.passes, means, stds, strict=True):
            pictures = mean + std * draws.encoding[part]
            frames = torch.stack([pictures[:, 0], pictures[:, -1]], dim=1) * training.scaling
            condition = (pictures[:, 1], draws.condition_noise[part]) if training.pictures == 3 else (None, None)
            result.append(StepInputs(frames, draws.noise[part], draws.timesteps[part], *condition))
        return result

    def save(self, step: int) -> None:
        """Write `checkpoint-<step>` from the first process; the others wait.

        Raises:
            TrainerError: the weights are not finite (a step's loss is checked before its update), or the disk is full.
        """
        run, training = self._run, self.training
        config = run.config
        with self._reports.pause():
            if not torch.isfinite(training.parameters.master).all():
                raise DivergedError(
                    f"The weights are not finite after step {step}, so nothing was written; lower --learning_rate (it "
                    f"is {config.learning_rate:g}). Earlier checkpoints in {config.output_dir} are untouched."
                )
            if run.is_first:
                save_checkpoint(
                    config.output_dir,
                    step,
                    weights=training.parameters.tensors(),
                    optimizer=training.optimizer.tensors(),
                    run=run.identity,
                    as_bin=config.output_format != "safetensors",
                )
                limit_checkpoints(config.output_dir, config.checkpoints_total_limit, step)
            run.processes.wait_for_everyone()

    def show(self, sheets: SampleSheets, step: int) -> None:
        """Write a sample sheet."""
        with self._reports.pause(own_memory=True):
            notice = sheets.write(step, stopped=lambda: bool(self._interrupt.received), reporter=self._reports.reporter)
            if notice is not None:
                self._reports.message(f"note: {notice}")

    def export(self) -> None:
        """Write the final weights, from the first process."""
        if self._run.is_first:
            config, tensors = self._run.config, self.training.parameters.tensors()
            written = write_final_weights(config.output_dir, tensors, config.output_format)
            self._reports.message(f"Weights: {', '.join(str(path) for path in written)}")


def take_steps(loops: Sequence[Loop], steps: Sequence[int]) -> list[QueuedStep]:
    """Queue one step of each loop, counted from 0, on the device: those of several types in the same passes."""
    plans = [loop.planner.step(step) for loop, step in zip(loops, steps, strict=True)]
    training = loops[0].training
    training.parameters.start_sum(len(plans[0].passes))
    inputs = [loop.inputs(step, plan) for loop, step, plan in zip(loops, steps, plans, strict=True)]
    losses = [training.run_pass(join(parts)) for parts in zip(*inputs, strict=True)]
    own = [losses] if len(loops) == 1 else [[loss[row] for loss in losses] for row in range(len(loops))]
    rows = zip(loops, steps, plans, own, strict=True)
    return [loop.update(step, len(plan.indices), losses) for loop, step, plan, losses in rows]


def nothing_left(start: int, total: int) -> str:
    """What a run says that has taken all its steps before."""
    return f"Nothing left to do: {start} of {total} steps are done. Raise --max_train_steps to go on."
