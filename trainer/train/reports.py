"""Each step's report: read once the next step is queued, so that the device never waits; timed, and checked."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import TrainerError
from ..run_folder.metrics import DelayedNumbers, Reporter, StepMetrics
from .environment import Run


@dataclass(frozen=True, slots=True)
class QueuedStep:
    """A step whose numbers are still on the device.

    Attributes:
        step: optimiser steps done with it.
        rate: its learning rate.
        samples: over all processes.
        numbers: (4,) loss, gradient norm, loss scale, and whether to stop (not 0).
    """

    step: int
    rate: float
    samples: int
    numbers: Tensor


class StepReports:
    """Reports steps one after another.

    Args:
        run: the run.
        reporter: where metrics go.

    Attributes:
        reporter: where metrics go.
        stop: whether a step's numbers said so.
        loss: of the last step reported.
    """

    def __init__(self, run: Run, reporter: Reporter) -> None:
        self._run, self.reporter = run, reporter
        self.stop, self.loss = False, math.nan
        self._numbers = DelayedNumbers(run.device)
        self._queued: QueuedStep | None = None
        self._peak = 0  # bytes of GPU memory, in steps before the last pause that had memory of its own
        self._clock = time.perf_counter()

    def message(self, text: str) -> None:
        """Print a line above the progress bar."""
        self.reporter.message(text)

    def start_clock(self) -> None:
        """The next step's time begins now."""
        self._clock = time.perf_counter()

    def add(self, queued: QueuedStep) -> None:
        """Report the step before; on the CPU this one too, as it is done already."""
        self.settle()
        self._numbers.push(queued.numbers)
        self._queued = queued
        if not self._run.on_gpu:
            self.settle()

    def settle(self) -> None:
        """Wait for the step at hand, and report it.

        Raises:
            TrainerError: its numbers are not finite.
        """
        if self._queued is None:
            return
        queued, self._queued = self._queued, None
        loss, norm, scale, stop = self._numbers.pop()
        before, self._clock = self._clock, time.perf_counter()
        seconds = self._clock - before
        memory = self._peak_memory() / 2**30 if self._run.on_gpu else None
        pace = queued.samples / max(seconds, 1e-9)
        self.loss = loss
        self.reporter.step(StepMetrics(queued.step, loss, queued.rate, norm, seconds, pace, memory, scale))
        check_finite(queued.step, loss, norm, scale, self._run)
        self.stop = bool(stop)

    @contextmanager
    def pause(self, *, own_memory: bool = False) -> Iterator[None]:
        """Around what is no step: its time is not the steps', nor is its GPU memory with `own_memory`."""
        self.settle()
        apart = own_memory and self._run.on_gpu
        if apart:
            self._peak = self._peak_memory()
        yield
        if apart:
            torch.cuda.reset_peak_memory_stats(self._run.device)
        self.start_clock()

    def _peak_memory(self) -> int:
        """The most bytes of GPU memory that steps had in use so far."""
        return max(self._peak, torch.cuda.max_memory_allocated(self._run.device))


class DivergedError(TrainerError):
    """A training has numbers that are not finite; of several that run together the others can go on."""


def check_finite(step: int, loss: float, norm: float, scale: float, run: Run) -> None:
    """Fail when training has diverged. The weights are still those of the last good step.

    Args:
        step: of the numbers.
        loss: of the step.
        norm: of the gradient; in float16 it may overflow once in a while, which lowers the scale.
        scale: float16's loss scale.
        run: for the precision, and for the advice.

    Raises:
        TrainerError: says what was not finite, and what helps.
    """
    scaled = run.dtype == torch.float16
    if math.isfinite(loss) and (math.isfinite(norm) or (scaled and scale >= 1e-3)):
        return
    what = "loss" if not math.isfinite(loss) else "gradient"
    advice = (
        "float16 overflowed: use --mixed_precision bf16 or no"
        if scaled
        else f"lower --learning_rate (it is {run.config.learning_rate:g}) and look at the images of the last steps"
    )
    raise DivergedError(
        f"The {what} of step {step} is not finite (loss {loss}, gradient norm {norm}), so training stopped; "
        f"{advice}. Earlier checkpoints in {run.config.output_dir} are untouched."
    )
