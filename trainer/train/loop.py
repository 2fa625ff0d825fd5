"""The training loop: queue a step, report the one before, write checkpoints, end cleanly."""

from __future__ import annotations

import math
import signal
import time
from dataclasses import replace
from typing import Any

import torch
from accelerate import PartialState

from ..cli.interrupt import Interrupt
from ..data.batches import StepPlan, draw
from ..errors import TrainerError
from ..method.objective import StepInputs
from ..optim.adamw import average_over_processes
from ..optim.learning_rate import LearningRate
from ..run_folder.checkpoints import limit_checkpoints, save_checkpoint
from ..run_folder.metrics import DelayedNumbers, Reporter, StepMetrics
from ..weights.adapter_file import BIN_NAME, SAFETENSORS_NAME, write_weights
from .assembly import Training
from .config import TrainingConfig
from .sample_sheets import SampleSheets


class Loop:
    """The steps of one run.

    Args:
        config: the run.
        training: its parts.
        reporter: where metrics go.
        interrupt: whether to stop.
        identity: what checkpoints record about the run.
        device: where it trains.
        processes: accelerate's view of the processes.
        sheets: makes sample sheets; None without them, and in processes other than the first.
    """

    def __init__(
        self,
        config: TrainingConfig,
        training: Training,
        reporter: Reporter,
        interrupt: Interrupt,
        identity: dict[str, Any],
        device: torch.device,
        processes: PartialState,
        sheets: SampleSheets | None = None,
    ) -> None:
        self._config, self._training, self._reporter = config, training, reporter
        self._sheets, self._interrupt, self._identity = sheets, interrupt, identity
        self._device, self._processes = device, processes
        self._numbers = DelayedNumbers(device)
        self._pending: StepMetrics | None = None
        self._signal = 0
        self._peak = 0  # bytes of GPU memory, in steps before the last sheet
        self._clock = time.perf_counter()
        self._rate = LearningRate(
            config.learning_rate,
            config.lr_scheduler,
            config.lr_warmup_steps,
            config.max_train_steps,
            config.lr_num_cycles,
            config.lr_power,
        )

    def run(self, start: int) -> int:
        """Take the steps from `start` on, write checkpoints and, at the end, the weights."""
        total = self._config.max_train_steps
        if start >= total:
            self._reporter.message(
                f"Nothing left to do: {start} of {total} steps are done. Raise --max_train_steps to go on."
            )
        saved, step = start, start
        self._clock = time.perf_counter()
        while step < total and not self._signal:
            previous = self._pending
            self._pending = None
            self._pending = self.take_step(step, previous)
            step += 1
            if self._device.type != "cuda":
                self._settle()  # the step is already done, there is nothing to overlap with
            if step % self._config.checkpointing_steps == 0 or step == total:
                self._settle()
                self.save(step)
                saved = step
            if self._sheets is not None and step % self._config.validation_steps == 0:
                self._settle()
                self.show(self._sheets, step)
        self._settle()
        if step < total:
            if saved != step:
                self.save(step)
            self._reporter.message(f"Stopped after step {step} of {total}; go on with --resume_from_checkpoint latest.")
            return 128 + self._signal
        self.export()
        return 0

    def take_step(self, step: int, previous: StepMetrics | None) -> StepMetrics:
        """Queue one step on the device; meanwhile report the one before."""
        training, rate = self._training, self._rate.at(step)
        plan = training.planner.step(step)
        training.parameters.start_sum(len(plan.passes))
        losses = [training.run_pass(inputs) for inputs in self.inputs(step, plan)]
        norm = training.optimizer.step(rate)
        stop = torch.full((), float(self._interrupt.received), device=self._device)
        shared = torch.stack([torch.stack(losses).mean(), stop])
        average_over_processes(shared)
        numbers = torch.stack([shared[0], norm, training.optimizer.scale.scale, shared[1]])
        if previous is not None:
            self._report(previous)
        self._numbers.push(numbers)
        # The zeros are filled in once the numbers have come from the device.
        return StepMetrics(step + 1, 0.0, rate, 0.0, 0.0, float(len(plan.indices)), None, 1.0)

    def inputs(self, step: int, plan: StepPlan) -> list[StepInputs]:
        """The inputs of this process' passes."""
        training = self._training
        means, stds = zip(*(training.latents.moments(plan, part) for part in plan.passes), strict=True)
        draws = draw(
            self._config.seed,
            step,
            len(plan.indices),
            pictures=training.pictures,
            latent=tuple(means[0].shape[2:]),
            timesteps=len(training.schedule),
            device=self._device,
        )
        result = []
        for part, mean, std in zip(plan.passes, means, stds, strict=True):
            pictures = mean + std * draws.encoding[part]
            frames = torch.stack([pictures[:, 0], pictures[:, -1]], dim=1) * training.scaling
            condition = (pictures[:, 1], draws.condition_noise[part]) if training.pictures == 3 else (None, None)
            result.append(StepInputs(frames, draws.noise[part], draws.timesteps[part], *condition))
        return result

    def save(self, step: int) -> None:
        """Write `checkpoint-<step>` from the first process; the others wait."""
        self._check_weights(step)
        if self._processes.is_main_process:
            training, config = self._training, self._config
            save_checkpoint(
                config.output_dir,
                step,
                weights=training.parameters.tensors(),
                optimizer=training.optimizer.tensors(),
                run=self._identity,
                as_bin=config.output_format != "safetensors",
            )
            limit_checkpoints(config.output_dir, config.checkpoints_total_limit, step)
        self._processes.wait_for_everyone()
        self._clock = time.perf_counter()

    def show(self, sheets: SampleSheets, step: int) -> None:
        """Write a sample sheet; time and memory that it takes are not the steps'."""
        if self._device.type == "cuda":
            self._peak = self._peak_memory()
        notice = sheets.write(step, stopped=lambda: bool(self._interrupt.received))
        if notice is not None:
            self._reporter.message(f"note: {notice}")
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        self._clock = time.perf_counter()

    def export(self) -> None:
        """Write the final weights."""
        if not self._processes.is_main_process:
            return
        tensors = self._training.parameters.tensors()
        wanted = self._config.output_format
        written = [write_weights(self._config.output_dir, tensors)] if wanted != "bin" else []
        if wanted != "safetensors":
            written.append(write_weights(self._config.output_dir, tensors, as_bin=True))
        # Weights of an earlier run in the other format would be taken for these.
        for stale in {self._config.output_dir / name for name in (SAFETENSORS_NAME, BIN_NAME)} - set(written):
            stale.unlink(missing_ok=True)
        self._reporter.message(f"Weights: {', '.join(str(path) for path in written)}")

    def _check_weights(self, step: int) -> None:
        """Fail before weights that are not finite are written (a step's loss is checked before its update)."""
        if not torch.isfinite(self._training.parameters.master).all():
            raise TrainerError(
                f"The weights are not finite after step {step}, so nothing was written; lower --learning_rate (it is "
                f"{self._config.learning_rate:g}). Earlier checkpoints in {self._config.output_dir} are untouched."
            )

    def _peak_memory(self) -> int:
        """The most bytes of GPU memory that steps had in use so far."""
        return max(self._peak, torch.cuda.max_memory_allocated(self._device))

    def _settle(self) -> None:
        """Wait for the step at hand and report it."""
        if self._pending is not None:
            self._report(self._pending)
            self._pending = None

    def _report(self, pending: StepMetrics) -> None:
        """Read a step's numbers, check and write them."""
        numbers = self._numbers.pop()
        assert numbers is not None
        value, norm, scale, stop = numbers
        now = time.perf_counter()
        seconds, self._clock = now - self._clock, now
        memory = self._peak_memory() / 2**30 if self._device.type == "cuda" else None
        self._reporter.step(
            replace(
                pending,
                loss=value,
                grad_norm=norm,
                seconds=seconds,
                samples_per_second=pending.samples_per_second / max(seconds, 1e-9),
                gpu_memory_gib=memory,
                loss_scale=scale,
            )
        )
        check_finite(pending.step, value, norm, scale, self._config, scaled=self._training.optimizer.scale.enabled)
        if stop:
            # Averaged over the processes, some of which may not have received it yet.
            self._signal = self._interrupt.received or signal.SIGTERM


def check_finite(step: int, value: float, norm: float, scale: float, config: TrainingConfig, *, scaled: bool) -> None:
    """Fail when training has diverged. The weights are still those of the last good step.

    Args:
        step: of the numbers.
        value: the loss.
        norm: of the gradient; in float16 (`scaled`) it may overflow once in a while, which lowers the scale.
        scale: float16's loss scale.
        config: for the advice.
        scaled: whether there is a loss scale.

    Raises:
        TrainerError: says what was not finite, and what helps.
    """
    if math.isfinite(value) and (math.isfinite(norm) or (scaled and scale >= 1e-3)):
        return
    what = "loss" if not math.isfinite(value) else "gradient"
    advice = (
        "float16 overflowed: use --mixed_precision bf16 or no"
        if scaled
        else f"lower --learning_rate (it is {config.learning_rate:g}) and look at the images of the last steps"
    )
    raise TrainerError(
        f"The {what} of step {step} is not finite (loss {value}, gradient norm {norm}), so training stopped; "
        f"{advice}. Earlier checkpoints in {config.output_dir} are untouched."
    )
