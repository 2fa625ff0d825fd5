"""The training loop: queue a step, report the one before, write checkpoints, end cleanly."""

from __future__ import annotations

import signal

import torch

from ..cli.interrupt import Interrupt
from ..data.batches import StepPlan, draw
from ..errors import TrainerError
from ..method.objective import StepInputs
from ..optim.adamw import average_over_processes
from ..run_folder.checkpoints import limit_checkpoints, save_checkpoint
from ..weights.adapter_file import write_final_weights
from .assembly import Training
from .environment import Run
from .reports import QueuedStep, StepReports
from .sample_sheets import SampleSheets


class Loop:
    """The steps of one run.

    Args:
        run: the run.
        training: its parts.
        reports: where each step is reported.
        interrupt: whether to stop.
        sheets: makes sample sheets; None without them, and in processes other than the first.
    """

    def __init__(
        self,
        run: Run,
        training: Training,
        reports: StepReports,
        interrupt: Interrupt,
        sheets: SampleSheets | None = None,
    ) -> None:
        self._run, self._training, self._reports = run, training, reports
        self._interrupt, self._sheets = interrupt, sheets

    def run(self, start: int) -> int:
        """Take the steps from `start` on, write checkpoints and, at the end, the weights."""
        config, reports = self._run.config, self._reports
        total = config.max_train_steps
        if start >= total:
            reports.message(f"Nothing left to do: {start} of {total} steps are done. Raise --max_train_steps to go on.")
        saved, step = start, start
        reports.start_clock()
        while step < total and not reports.stop:
            reports.add(self.take_step(step))
            step += 1
            if step % config.checkpointing_steps == 0 or step == total:
                self.save(step)
                saved = step
            if self._sheets is not None and step % config.validation_steps == 0:
                self.show(self._sheets, step)
        reports.settle()
        if step < total:
            if saved != step:
                self.save(step)
            reports.message(f"Stopped after step {step} of {total}; go on with --resume_from_checkpoint latest.")
            # Some process was told to stop; this one may not have been told yet.
            return 128 + (self._interrupt.received or signal.SIGTERM)
        self.export()
        return 0

    def take_step(self, step: int) -> QueuedStep:
        """Queue one step, counted from 0, on the device."""
        training, rate = self._training, self._training.rate.at(step)
        plan = self._run.planner.step(step)
        training.parameters.start_sum(len(plan.passes))
        losses = [training.run_pass(inputs) for inputs in self.inputs(step, plan)]
        norm = training.optimizer.step(rate)
        stop = torch.full((), float(self._interrupt.received), device=self._run.device)
        shared = torch.stack([torch.stack(losses).mean(), stop])
        average_over_processes(shared)
        numbers = torch.stack([shared[0], norm, training.optimizer.scale.scale, shared[1]])
        return QueuedStep(step + 1, rate, len(plan.indices), numbers)

    def inputs(self, step: int, plan: StepPlan) -> list[StepInputs]:
        """The inputs of this process' passes."""
        training = self._training
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
        run, training = self._run, self._training
        config = run.config
        with self._reports.pause():
            if not torch.isfinite(training.parameters.master).all():
                raise TrainerError(
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
            config, tensors = self._run.config, self._training.parameters.tensors()
            written = write_final_weights(config.output_dir, tensors, config.output_format)
            self._reports.message(f"Weights: {', '.join(str(path) for path in written)}")
