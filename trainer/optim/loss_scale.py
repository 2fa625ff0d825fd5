"""The loss scale that float16 needs, so that small gradients do not become zero."""

from __future__ import annotations

import torch
from torch import Tensor


class LossScale:
    """Dynamic loss scale: halved when a gradient overflows, doubled after a long run without.

    Everything stays on the device, so that using it never waits for the GPU.

    Args:
        device: where the scale lives.
        enabled: whether scaling is on (float16); off, the scale is 1 for ever.
    """

    #: Values of PyTorch's GradScaler.
    START, GROWTH_STEPS = 65536.0, 2000

    def __init__(self, device: torch.device, *, enabled: bool) -> None:
        self.enabled = enabled
        self.scale = torch.tensor(self.START if enabled else 1.0, device=device)
        self._good_steps = torch.zeros((), device=device)

    def update(self, finite: Tensor) -> None:
        """Adapt the scale, in place, after a step whose gradient was `finite` (a boolean scalar)."""
        if not self.enabled:
            return
        good = torch.where(finite, self._good_steps + 1, torch.zeros_like(self._good_steps))
        grown = good >= self.GROWTH_STEPS
        factor = torch.where(finite, 1.0 + grown.float(), 0.5)
        self._good_steps.copy_(torch.where(grown, torch.zeros_like(good), good))
        self.scale.mul_(factor)

    def tensors(self) -> dict[str, Tensor]:
        """The state to save; nothing where there is no scaling."""
        return {"scale": self.scale, "good_steps": self._good_steps} if self.enabled else {}

    def load(self, saved: dict[str, Tensor]) -> None:
        """Restore a saved state. Between runs of which only one is in float16 nothing is taken over."""
        if not (self.enabled and saved):
            return
        self.scale.copy_(saved["scale"])
        self._good_steps.copy_(saved["good_steps"])
