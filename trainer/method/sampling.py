"""Samples pairs (whole image, anomaly part) from trained weights, exactly as the authors' code does.

A call of the network predicts, for each pair, an unconditional group (empty prompts, mid-grey condition)
and a conditional one (both prompts, background condition), as two samples of one batch. The adapters are active in
both groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ..variant import Variant
from .conditions import Conditions
from .objective import NoiseSchedule

#: `pndm` is Stable Diffusion 1.5's own and upstream's (S steps, S + 1 calls); `dpm++` needs about 20 steps.
SchedulerName = Literal["pndm", "dpm++"]
#: Of training's thousand steps, all that these schedulers can choose from.
MOST_STEPS = {"pndm": 999, "dpm++": 1000}
#: Which of them are taken. Set here, since a model folder's file says so only once diffusers has saved it (then with
#: PNDM's own default, under which dpm++ starts at 941 instead of 999, and takes step 1 a thousand times of 1000).
SPACING: dict[SchedulerName, str] = {"pndm": "leading", "dpm++": "linspace"}
#: Upstream's guidance scale of each variant.
GUIDANCE: dict[Variant, float] = {"bcm": 2.0, "dual": 2.5}


@dataclass(frozen=True, slots=True)
class SamplingStep:
    """What one call of the network led to, for B pairs.

    Attributes:
        timestep: of the call.
        prediction: (G, B, 2, 4, h, w), the noise predicted by each group; G = 2, or 1 without guidance.
        guided: (B, 2, 4, h, w).
        latents: (B, 2, 4, h, w), after the scheduler's step.
    """

    timestep: int
    prediction: Tensor
    guided: Tensor
    latents: Tensor


@dataclass(frozen=True, slots=True)
class Fast:
    """Where sampling saves work.

    Attributes:
        guided: the part of the walk with guidance, as fractions of the timesteps from the noise (0) on (guidance in a
            limited interval; Kynkaanniemi et al., NeurIPS 2024, section 3). Outside it the conditional group alone
            is computed, and holds.
        outer: the network with its inner layers' last result (`reuse.InnerReuse.outer`), or None.
        every: calls from one whole call to the next, the others being `outer`'s.
    """

    guided: tuple[float, float] = (0.0, 1.0)
    outer: Callable[..., Tensor] | None = None
    every: int = 1


class Sampler:
    """Denoises batches of pairs.

    With classifier-free guidance (Ho and Salimans, 2022): u + g (p - u) for the noise u predicted without and p with
    prompts and background, by the same g in both frames. (The paper's w is g - 1.)

    Args:
        model: the dual UNet, or its recording as a CUDA graph.
        scheduler: of `make_scheduler`.
        schedule: DDPM's forward process, which noises the condition whatever the sampler is.
        text: (2, 2, L, d), states of the empty prompts and of (whole prompt, part prompt).
        steps: number of inference steps.
        guidance: guidance scale; at 1 the unconditional group is left out, since it has no effect.
        fast: where work is saved.
    """

    def __init__(
        self,
        model: Callable[..., Tensor],
        scheduler: Any,
        schedule: NoiseSchedule,
        text: Tensor,
        *,
        steps: int,
        guidance: float,
        fast: Fast = Fast(),
    ) -> None:
        self._model, self._scheduler, self._schedule = model, scheduler, schedule
        self._steps, self._guidance = steps, guidance
        self._text, self._fast = text, fast

    @torch.no_grad()
    def steps(self, latents: Tensor, conditions: Conditions | None) -> Iterator[SamplingStep]:
        """Denoise, one call of the network at a time.

        Args:
            latents: (B, 2, 4, h, w), standard normal.
            conditions: what the B pairs are conditioned on; None without background module.

        Yields:
            Every step; the last one's `latents` are clean.
        """
        # On the CPU, so that nothing waits for the device to tell the time.
        self._scheduler.set_timesteps(self._steps)
        latents = latents * self._scheduler.init_noise_sigma
        calls = self._calls(self._scheduler.timesteps)
        for timestep, (groups, model) in zip(self._scheduler.timesteps, calls, strict=True):
            scaled = self._scheduler.scale_model_input(latents, timestep)
            prediction = self._predict(model, scaled, timestep, conditions, groups)
            if len(prediction) == 1:
                # The scheduler keeps what it is given, and the network's result is overwritten by its next call.
                guided = prediction[0].clone()
            else:
                guided = prediction[0] + self._guidance * (prediction[1] - prediction[0])
            latents = self._scheduler.step(guided, timestep, latents, return_dict=False)[0]
            yield SamplingStep(int(timestep), prediction, guided, latents)

    def sample(self, latents: Tensor, conditions: Conditions | None) -> Tensor:
        """The clean latents (B, 2, 4, h, w); arguments as in `steps`."""
        for step in self.steps(latents, conditions):
            latents = step.latents
        return latents

    def _calls(self, timesteps: Tensor) -> Iterator[tuple[int, Callable[..., Tensor]]]:
        """Of each call, how many groups it has, and which network computes it.

        A whole one comes first, and wherever the groups change: what is reused is of the same rows.
        """
        first, last = self._fast.guided
        before, since = 0, 0
        for timestep in timesteps:
            done = 1 - int(timestep) / len(self._schedule)
            groups = 2 if self._guidance != 1 and first <= done <= last else 1
            whole = groups != before or self._fast.outer is None or since % self._fast.every == 0
            if whole:
                since = 0
            before, since = groups, since + 1
            yield groups, self._model if whole or self._fast.outer is None else self._fast.outer

    def _predict(
        self,
        model: Callable[..., Tensor],
        latents: Tensor,
        timestep: Tensor,
        conditions: Conditions | None,
        groups: int,
    ) -> Tensor:
        """The noise that each group predicts, (G, B, 2, 4, h, w)."""
        batch = len(latents)
        timesteps = torch.full((groups * batch,), int(timestep), device=latents.device)
        condition, seen_by, first = None, None, None
        if conditions is not None:
            clean, noise, seen_by, first = conditions.rows(groups)
            condition = self._schedule.add_noise(clean, noise, timesteps[:1].expand(len(clean)))
        prediction = model(
            latents.repeat(groups, 1, 1, 1, 1),
            timesteps,
            self._text[-groups:].repeat_interleave(batch, dim=0),
            condition,
            seen_by,
            first,
        )
        return prediction.unflatten(0, (groups, batch))


class Noise:
    """All random numbers of one image or condition, so that it depends on no other and on no batch size.

    Drawn on the CPU: the same on every device.

    Args:
        key: what the numbers follow from: (seed, index) of an image, (seed, number, 1) of a background, (seed, 0, 2) of
            mid-grey. Zeros at the end of a key change nothing.
        shape: of one latent, (4, h, w).
    """

    def __init__(self, key: Sequence[int], shape: tuple[int, int, int]) -> None:
        state = np.random.SeedSequence(list(key)).generate_state(1, np.uint64)[0]
        self._generator = torch.Generator().manual_seed(int(state >> np.uint64(1)))
        self._shape = shape

    def draw(self, count: int) -> Tensor:
        """The next (count, 4, h, w) of standard normal numbers."""
        return torch.randn(count, *self._shape, generator=self._generator)


def make_scheduler(name: SchedulerName, config: Any) -> Any:
    """The sampler of that name with the base model's betas.

    PNDM (Liu et al., ICLR 2022), algorithm 2, without its Runge-Kutta steps, as Stable Diffusion 1.5 is shipped; or
    DPM-Solver++ (Lu et al., 2022), its multistep solver of second order. Both are diffusers'.

    Args:
        name: `pndm` or `dpm++`.
        config: configuration of the model folder's scheduler.
    """
    from diffusers import DPMSolverMultistepScheduler, PNDMScheduler

    if name == "pndm":
        return PNDMScheduler.from_config(config, skip_prk_steps=True, timestep_spacing=SPACING[name])
    return DPMSolverMultistepScheduler.from_config(
        config, algorithm_type="dpmsolver++", solver_order=2, timestep_spacing=SPACING[name]
    )


def first_timestep(name: SchedulerName, steps: int) -> int:
    """Where sampling starts, of training's 0 to 999; pure noise belongs to the last ones.

    PNDM walks in whole strides of 1000 // steps and adds Stable Diffusion's offset of 1 (diffusers 0.25 to 0.42), so
    that with 600 steps it starts at 600.
    """
    return 1000 // steps * (steps - 1) + 1 if name == "pndm" else 999


@torch.no_grad()
def decode(vae: Any, latents: Tensor, scaling: float) -> Tensor:
    """Pictures (B, 2, 3, H, W) around [-1, 1], not clamped, from clean latents (B, 2, 4, h, w).

    The decoder of latent diffusion (Rombach et al., CVPR 2022), section 3.1. Pair after pair, since decoding takes far
    more memory than denoising.
    """
    return torch.stack([vae.decode(pair / scaling).sample for pair in latents.to(vae.dtype)]).float()


def to_pixels(pictures: Tensor) -> Tensor:
    """Pictures (..., 3, H, W) in [-1, 1] as 8-bit (..., H, W, 3)."""
    unit = (pictures / 2 + 0.5).clamp(0, 1)
    return (unit * 255).round().to(torch.uint8).movedim(-3, -1).cpu()
