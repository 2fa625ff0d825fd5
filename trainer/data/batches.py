"""Which samples a step trains on and which random numbers it uses: a pure function of seed and step.

Nothing carries over from one step to the next, so a resumed run continues exactly, and how a step is cut
into passes and processes does not change it: every process draws for the whole step and takes its share.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

_ORDER, _FLIPS, _NOISE, _CROPS = range(4)
_FLIP_CHANCE = {"both": (0.5, 0.5), "horizontal": (0.5, 0.0), "vertical": (0.0, 0.5), "none": (0.0, 0.0)}


@dataclass(frozen=True, slots=True)
class StepPlan:
    """The samples of one optimiser step, over all processes.

    Attributes:
        indices: (E,) item numbers.
        flips: (E, 2) booleans: horizontal, vertical.
        crops: (E, 2) numbers in 0..1, for items that are cut at random.
        passes: this process' forward passes, as slices of the E samples.
    """

    indices: npt.NDArray[np.int64]
    flips: npt.NDArray[np.bool_]
    crops: npt.NDArray[np.float64]
    passes: tuple[slice, ...]


@dataclass(frozen=True, slots=True)
class Planner:
    """Lays out steps.

    Attributes:
        items: number of training images.
        batch_size: samples in one pass of one process.
        accumulation: passes per step.
        processes: number of processes.
        rank: number of this process.
        seed: of the run.
        flips: `both`, `horizontal`, `vertical` or `none`.
        short_batches: end an epoch with a smaller batch, as upstream's loader does; one process only.
    """

    items: int
    batch_size: int
    accumulation: int = 1
    processes: int = 1
    rank: int = 0
    seed: int = 0
    flips: str = "both"
    short_batches: bool = False

    def step(self, number: int) -> StepPlan:
        """The step with that number, counted from 0."""
        sizes = self._pass_sizes(number)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        total = int(starts[-1])
        first = self._samples_before(number)
        chance = np.array(_FLIP_CHANCE[self.flips])
        mine = range(self.rank, len(sizes), self.processes)
        return StepPlan(
            self._items(first, total),
            self._random(_FLIPS, number).random((total, 2)) < chance,
            self._random(_CROPS, number).random((total, 2)),
            tuple(slice(int(starts[i]), int(starts[i + 1])) for i in mine),
        )

    def _pass_sizes(self, number: int) -> list[int]:
        """Samples in each pass of a step, over all processes."""
        if not self.short_batches:
            return [self.batch_size] * (self.accumulation * self.processes)
        per_epoch = -(-self.items // self.batch_size)
        passes = range(number * self.accumulation, (number + 1) * self.accumulation)
        last = self.items - (per_epoch - 1) * self.batch_size
        return [last if p % per_epoch == per_epoch - 1 else self.batch_size for p in passes]

    def _samples_before(self, number: int) -> int:
        """How many samples earlier steps took."""
        if not self.short_batches:
            return number * self.accumulation * self.processes * self.batch_size
        per_epoch = -(-self.items // self.batch_size)
        epochs, passes = divmod(number * self.accumulation, per_epoch)
        return epochs * self.items + passes * self.batch_size

    def _items(self, first: int, count: int) -> npt.NDArray[np.int64]:
        """`count` items from a position of the endless stream on: epoch after epoch, each in its own order."""
        epoch, place = divmod(first, self.items)
        parts = [_order(self.seed, epoch, self.items)[place : place + count]]
        while (lacking := count - sum(map(len, parts))) > 0:
            epoch += 1
            parts.append(_order(self.seed, epoch, self.items)[:lacking])
        return np.concatenate(parts)

    def _random(self, purpose: int, number: int) -> np.random.Generator:
        return _random(self.seed, purpose, number)


def _random(seed: int, purpose: int, number: int) -> np.random.Generator:
    return np.random.default_rng([seed, purpose, number])


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, items: int) -> npt.NDArray[np.int64]:
    """The items in the order of an epoch; a step lies in one of them or begins in one and ends in the next."""
    order = _random(seed, _ORDER, epoch).permutation(items).astype(np.int64)
    order.flags.writeable = False
    return order


@dataclass(frozen=True, slots=True)
class Draws:
    """The Gaussian numbers and timesteps of one step.

    Attributes:
        encoding: (E, K, 4, h, w), for sampling the VAE's K pictures per sample.
        noise: (E, 2, 4, h, w).
        timesteps: (E,).
        condition_noise: (E, 4, h, w), drawn last as the method draws it last.
    """

    encoding: Tensor
    noise: Tensor
    timesteps: Tensor
    condition_noise: Tensor


def draw(
    seed: int,
    step: int,
    samples: int,
    *,
    pictures: int,
    latent: tuple[int, int, int],
    timesteps: int,
    device: torch.device,
) -> Draws:
    """Every random number of a step, drawn on `device` from a generator seeded by (seed, step).

    Args:
        seed: of the run.
        step: number of the step.
        samples: E, samples of the step over all processes.
        pictures: K, pictures per sample that the VAE encoded (3 with a condition, else 2).
        latent: channels, height, width.
        timesteps: T, timesteps are uniform on 0..T-1.
        device: where the numbers are drawn. CPU and CUDA give different numbers for a seed.
    """
    state = int(np.random.SeedSequence([seed, _NOISE, step]).generate_state(1, np.uint64)[0])
    generator = torch.Generator(device).manual_seed(state >> 1)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=device)

    encoding = normal(samples, pictures, *latent)
    noise = normal(samples, 2, *latent)
    times = torch.randint(timesteps, (samples,), generator=generator, device=device)
    return Draws(encoding, noise, times, normal(samples, *latent))
