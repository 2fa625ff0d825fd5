"""Learning-rate schedules with diffusers' names, as pure functions of the step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LearningRate:
    """A schedule.

    Attributes:
        base: the rate that the factors multiply.
        kind: one of the flag's choices.
        warmup: steps of linear warm-up; `constant` has none.
        total: steps of the whole run.
        cycles: restarts of `cosine_with_restarts`.
        power: exponent of `polynomial`.
    """

    base: float
    kind: str = "constant"
    warmup: int = 0
    total: int = 1
    cycles: float = 1.0
    power: float = 1.0

    @classmethod
    def from_flags(cls, flags: Any) -> LearningRate:
        """From an object whose attributes are the trainer's flags."""
        return cls(
            flags.learning_rate,
            flags.lr_scheduler,
            flags.lr_warmup_steps,
            flags.max_train_steps,
            flags.lr_num_cycles,
            flags.lr_power,
        )

    def at(self, step: int) -> float:
        """The rate of a step, counted from 0."""
        return self.base * self._factor(step)

    def _factor(self, step: int) -> float:
        if self.kind == "constant":
            return 1.0
        if step < self.warmup:
            return step / max(1, self.warmup)
        if self.kind == "constant_with_warmup":
            return 1.0
        progress = min(1.0, (step - self.warmup) / max(1, self.total - self.warmup))
        if self.kind == "linear":
            return 1.0 - progress
        if self.kind == "cosine":
            return 0.5 * (1 + math.cos(math.pi * progress))
        if self.kind == "cosine_with_restarts":
            return 0.0 if progress >= 1 else 0.5 * (1 + math.cos(math.pi * (self.cycles * progress % 1.0)))
        # diffusers lets the polynomial end at 1e-7.
        floor = min(1.0, 1e-7 / self.base) if self.base else 0.0
        return (1 - floor) * (1 - progress) ** self.power + floor
