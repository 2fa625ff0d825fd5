"""What both trainings share: device and precision, progress, the rate's steps, and going on after an interruption."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ...files.atomic import write_atomically

#: Seconds between two states on the disk.
STORE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is."""

    epoch: int
    epochs: int
    loss: float


@dataclass(slots=True)
class Run:
    """How a training runs.

    Attributes:
        device: where.
        bf16: whether the network computes in bf16 under autocast.
        state: file that an interrupted training goes on from, or None.
    """

    device: torch.device
    bf16: bool = False
    state: Path | None = None
    _stored: float = field(default_factory=time.monotonic)

    @contextlib.contextmanager
    def autocast(self) -> Iterator[None]:
        """Mixed precision, where it was asked for."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            yield

    def resume(self, network: torch.nn.Module, optimizer: torch.optim.Optimizer) -> tuple[int, dict[str, Any]]:
        """The epoch to begin with and what was stored with it; (0, {}) where nothing usable is there."""
        if self.state is None or not self.state.is_file():
            return 0, {}
        try:
            stored = torch.load(self.state, map_location=self.device, weights_only=True)
            network.load_state_dict(stored["network"])
            optimizer.load_state_dict(stored["optimizer"])
            return int(stored["epoch"]), dict(stored["more"])
        except Exception:  # cut off, damaged, or of another size: begin anew, nothing depends on it
            return 0, {}

    def store(
        self,
        network: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        epoch: int,
        more: dict[str, Any],
        *,
        force: bool,
    ) -> None:
        """Keep the state when it is time, or now."""
        if self.state is None or (not force and time.monotonic() - self._stored < STORE_SECONDS):
            return
        self._stored = time.monotonic()
        rows = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch, "more": more}
        write_atomically(self.state, lambda path: torch.save(rows, path))

    def done(self) -> None:
        """The training has ended; its state is of no more use."""
        if self.state is not None:
            self.state.unlink(missing_ok=True)


def step_decay(optimizer: torch.optim.Optimizer, rate: float, epoch: int, epochs: int) -> None:
    """A fifth of the rate from 80 % of the epochs on, and again from 90 % (MultiStepLR of the projects)."""
    steps = sum(epoch >= share * epochs for share in (0.8, 0.9))
    for group in optimizer.param_groups:
        group["lr"] = rate * 0.2**steps
