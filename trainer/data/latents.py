"""Latents of the training images: encoded once per image and flip, then the VAE is freed.

The VAE's result is a Gaussian whose mean and deviation depend on the picture alone, so keeping them and
drawing anew each step is exactly what encoding each step does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ..variant import PICTURES
from .batches import StepPlan
from .dataset import TrainingSet

State = tuple[int, bool, bool]


class LatentSource(Protocol):
    """Where a pass gets its latents from."""

    def moments(self, plan: StepPlan, part: slice) -> tuple[Tensor, Tensor]:
        """Mean and deviation of the VAE's result, each (B, K, 4, h, w) float32, not scaled."""


@torch.no_grad()
def encode(vae: Any, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of pictures (K, 3, R, R), one at a time to keep the peak of memory low."""
    results = [vae.encode(picture[None]).latent_dist for picture in pictures]
    return torch.cat([r.mean for r in results]).float(), torch.cat([r.std for r in results]).float()


def load_pictures(data: TrainingSet, state: State, crop: tuple[int, int] | None, device: torch.device) -> Tensor:
    """The K pictures of one item, (K, 3, R, R) float32 in [-1, 1]."""
    index, hflip, vflip = state
    arrays = data.tensors(index, hflip=hflip, vflip=vflip, crop=crop)
    return torch.from_numpy(np.stack([arrays[name] for name in PICTURES[data.variant]])).to(device)


class CachedLatents:
    """Moments of every image and flip that the run will need, kept on the device.

    Args:
        data: the training images; cut as near to the centre as the defect allows.
        vae: the float32 VAE; not kept.
        needed: images and flips that will be asked for.
        device: where they are encoded and kept.
    """

    def __init__(self, data: TrainingSet, vae: Any, needed: Iterable[State], device: torch.device) -> None:
        states = sorted(needed)
        self._rows = {state: row for row, state in enumerate(states)}
        for row, state in enumerate(states):
            crop = data.square(state[0], None, hflip=state[1], vflip=state[2])
            mean, std = encode(vae, load_pictures(data, state, crop, device))
            if not row:  # one place for all: stacking a list would take twice the memory while it lasts
                self._mean, self._std = (part.new_empty(len(states), *part.shape) for part in (mean, std))
            self._mean[row], self._std[row] = mean, std

    def moments(self, plan: StepPlan, part: slice) -> tuple[Tensor, Tensor]:
        """Mean and deviation for the samples of a pass."""
        rows = torch.tensor([self._rows[state] for state in states_of(plan, part)])
        if self._mean.is_cuda:
            rows = rows.pin_memory().to(self._mean.device, non_blocking=True)
        return self._mean[rows], self._std[rows]


class LiveLatents:
    """Encodes in every step: for pictures that are cut at random, or on request.

    Args:
        data: the training images.
        vae: the float32 VAE, which stays in memory.
        device: where the VAE is.
    """

    def __init__(self, data: TrainingSet, vae: Any, device: torch.device) -> None:
        self._data, self._vae, self._device = data, vae, device

    def moments(self, plan: StepPlan, part: slice) -> tuple[Tensor, Tensor]:
        """Mean and deviation for the samples of a pass."""
        pairs = []
        for (index, hflip, vflip), drawn in zip(states_of(plan, part), plan.crops[part], strict=True):
            at = None if self._data.center_crop else (float(drawn[0]), float(drawn[1]))
            crop = self._data.square(index, at, hflip=hflip, vflip=vflip)
            pairs.append(encode(self._vae, load_pictures(self._data, (index, hflip, vflip), crop, self._device)))
        return torch.stack([mean for mean, _ in pairs]), torch.stack([std for _, std in pairs])


def states_of(plan: StepPlan, part: slice = slice(None)) -> list[State]:
    """Item and flips of each sample."""
    return [(int(i), bool(h), bool(v)) for i, (h, v) in zip(plan.indices[part], plan.flips[part], strict=True)]
