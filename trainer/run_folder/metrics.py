"""What a run reports: `metrics.jsonl` (one object a step), a board, and a progress line."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped]

from ..errors import TrainerError
from ..files.atomic import write_atomically
from ..files.reading import append_to, read_lines
from .boards import Board

METRICS_NAME = "metrics.jsonl"


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """One line of `metrics.jsonl`.

    Attributes:
        step: optimiser steps done, from 1.
        loss: mean over the step's samples, before the update.
        lr: learning rate of the step.
        grad_norm: joint norm before clipping; infinite in a float16 step that was skipped.
        seconds: wall time of the step.
        samples_per_second: over all processes.
        gpu_memory_gib: most memory that PyTorch had in use so far on the first GPU; None on the CPU.
        loss_scale: float16's scale, else 1.
    """

    step: int
    loss: float
    lr: float
    grad_norm: float
    seconds: float
    samples_per_second: float
    gpu_memory_gib: float | None
    loss_scale: float


class DelayedNumbers:
    """Brings a few numbers from the device to the host without making the device wait.

    The numbers of a step are read after the next step has been queued.

    Args:
        device: where they come from.
    """

    def __init__(self, device: torch.device) -> None:
        self._cuda = device.type == "cuda"
        self._waiting: tuple[Tensor, Any] | None = None

    def push(self, numbers: Tensor) -> None:
        """Start fetching (at most one set at a time)."""
        if not self._cuda:
            self._waiting = (numbers.clone(), None)
            return
        host = torch.empty(numbers.shape, dtype=numbers.dtype, pin_memory=True)
        host.copy_(numbers, non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        self._waiting = (host, event)

    def pop(self) -> list[float]:
        """The numbers last pushed."""
        assert self._waiting is not None
        (numbers, event), self._waiting = self._waiting, None
        if event is not None:
            event.synchronize()
        return [float(value) for value in numbers.tolist()]


class Reporter:
    """Writes a run's metrics; does nothing in processes other than the first.

    Args:
        output: the output folder.
        start: steps done before; later lines of an earlier run are dropped.
        total: steps of the whole run.
        board: where numbers and pictures go as well, or None.
        active: whether this is the first process.
        name: said before each message, and no progress line: of one training among several.
    """

    def __init__(
        self, output: Path, *, start: int, total: int, board: Board | None, active: bool, name: str = ""
    ) -> None:
        self._name = name
        self._file: IO[str] | None = None
        self._path = output / METRICS_NAME
        self._board = board if active else None
        self._bar = tqdm(
            total=total,
            initial=start,
            desc="Steps",
            disable=not active or bool(name),
            file=sys.stderr,
            dynamic_ncols=True,
            mininterval=0.5 if sys.stderr.isatty() else 2.0,
        )
        if not active:
            return
        try:
            _drop_lines_after(self._path, start)
            self._file = append_to(self._path)
        except OSError as error:
            raise TrainerError(
                f"{self._path} cannot be gone on with ({error}). Move it away, then run again."
            ) from error

    def step(self, metrics: StepMetrics) -> None:
        """Report one step.

        Raises:
            TrainerError: the disk takes no more.
        """
        self._bar.set_postfix(loss=f"{metrics.loss:.4f}", lr=f"{metrics.lr:.3g}", refresh=False)
        self._bar.update(metrics.step - self._bar.n)
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(_finite(asdict(metrics))) + "\n")
            self._file.flush()
        except OSError as error:
            raise TrainerError(
                f"{self._path} cannot be written ({error.strerror}). Make room, then go on with "
                "--resume_from_checkpoint latest."
            ) from error
        with self._board_may_fail():
            if self._board is not None:
                names = ("loss", "lr", "grad_norm", "samples_per_second")
                self._board.numbers({f"train/{name}": getattr(metrics, name) for name in names}, metrics.step)

    def picture(self, name: str, pixels: npt.NDArray[np.uint8], step: int) -> None:
        """Give the board, where there is one, a picture (H, W, 3)."""
        with self._board_may_fail():
            if self._board is not None:
                self._board.picture(name, pixels, step)

    def message(self, text: str) -> None:
        """Print a line above the progress bar."""
        self._bar.write(f"{self._name}: {text}" if self._name else text, file=sys.stderr)

    def close(self) -> None:
        """Finish all outputs."""
        self._bar.close()
        if self._file is not None:
            with contextlib.suppress(OSError):  # a step that could not be written has been told
                self._file.close()
        with self._board_may_fail():
            if self._board is not None:
                self._board.close()

    @contextlib.contextmanager
    def _board_may_fail(self) -> Iterator[None]:
        """The board goes off where it fails (its folder has gone, say): it is no reason to end a training."""
        try:
            yield
        except Exception as error:  # raised from its own thread, as whatever that met
            name, self._board = getattr(self._board, "name", ""), None
            self.message(f"note: {name} is off from here on ({error}); metrics.jsonl is written all the same")


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN or infinity: they become text."""
    return {k: str(v) if isinstance(v, float) and v - v != 0 else v for k, v in values.items()}


def _drop_lines_after(path: Path, step: int) -> None:
    """Keep the lines of steps up to `step`, so that a resumed run has one line a step.

    Raises:
        OSError: what stands there is no such file.
        TrainerError: the shorter file cannot be written.
    """
    try:
        if any(_step_of(line) > step for line in read_lines(path)):
            write_atomically(path, lambda new: _copy_lines(path, new, step))
    except FileNotFoundError:
        return


def _copy_lines(path: Path, new: Path, step: int) -> None:
    """Write the lines of steps up to `step` to `new`."""
    with new.open("w", encoding="utf-8") as stream:
        stream.writelines(line for line in read_lines(path) if _step_of(line) <= step)


def _step_of(line: str) -> float:
    """The step of a metrics line; infinite for one that a kill cut off, be it only its end."""
    try:
        return float(json.loads(line)["step"]) if line.endswith("\n") else float("inf")
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return float("inf")
