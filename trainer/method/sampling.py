"""Samples pairs (whole image, anomaly part) from trained weights, exactly as upstream does.

A call of the network predicts, for each pair, an unconditional group (empty prompts, mid-grey condition)
and a conditional one (both prompts, background condition), as two samples of one batch. Guidance moves both
frames by the same factor. The adapters are active in both groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from ..variant import Variant
from .objective import NoiseSchedule

#: `pndm` is Stable Diffusion 1.5's own and upstream's (S steps, S + 1 calls); `dpm++` needs about 20 steps.
SchedulerName = Literal["pndm", "dpm++"]
SCHEDULERS = get_args(SchedulerName)
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


class Sampler:
    """Denoises batches of pairs.

    Args:
        model: the dual UNet, or its recording as a CUDA graph.
        scheduler: of `make_scheduler`.
        schedule: DDPM's forward process, which noises the condition whatever the sampler is.
        text: (2, 2, L, d), states of the empty prompts and of (whole prompt, part prompt).
        steps: number of inference steps.
        guidance: guidance scale; at 1 the unconditional group is left out, since it has no effect.
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
    ) -> None:
        self._model, self._scheduler, self._schedule = model, scheduler, schedule
        self._steps, self._guidance = steps, guidance
        self._first_group = 1 if guidance == 1 else 0
        self._text = text[self._first_group :]

    @torch.no_grad()
    def steps(
        self, latents: Tensor, condition: Tensor | None, condition_noise: Callable[[], Tensor]
    ) -> Iterator[SamplingStep]:
        """Denoise, one call of the network at a time.

        Args:
            latents: (B, 2, 4, h, w), standard normal.
            condition: (B, 2, 4, h, w), unscaled VAE samples of mid-grey and of the background; or None.
            condition_noise: draws (B, 2, 4, h, w) for each call; not used without a condition.

        Yields:
            Every step; the last one's `latents` are clean.
        """
        # On the CPU, so that nothing waits for the device to tell the time.
        self._scheduler.set_timesteps(self._steps)
        latents = latents * self._scheduler.init_noise_sigma
        for timestep in self._scheduler.timesteps:
            scaled = self._scheduler.scale_model_input(latents, timestep)
            noise = None if condition is None else condition_noise()
            prediction = self._predict(scaled, timestep, condition, noise)
            if len(prediction) == 1:
                # The scheduler keeps what it is given, and the network's result is overwritten by its next call.
                guided = prediction[0].clone()
            else:
                guided = prediction[0] + self._guidance * (prediction[1] - prediction[0])
            latents = self._scheduler.step(guided, timestep, latents, return_dict=False)[0]
            yield SamplingStep(int(timestep), prediction, guided, latents)

    def sample(self, latents: Tensor, condition: Tensor | None, condition_noise: Callable[[], Tensor]) -> Tensor:
        """The clean latents (B, 2, 4, h, w); arguments as in `steps`."""
        for step in self.steps(latents, condition, condition_noise):
            latents = step.latents
        return latents

    def _predict(self, latents: Tensor, timestep: Tensor, condition: Tensor | None, noise: Tensor | None) -> Tensor:
        """The noise that each group predicts, (G, B, 2, 4, h, w)."""
        groups, batch = len(self._text), len(latents)
        timesteps = torch.full((groups * batch,), int(timestep), device=latents.device)
        if condition is not None and noise is not None:
            clean, noise = (x[:, self._first_group :].transpose(0, 1).flatten(0, 1) for x in (condition, noise))
            condition = self._schedule.add_noise(clean, noise, timesteps)
        prediction = self._model(
            latents.repeat(groups, 1, 1, 1, 1),
            timesteps,
            self._text.repeat_interleave(batch, dim=0),
            condition,
        )
        return prediction.unflatten(0, (groups, batch))


class ImageNoise:
    """All random numbers of one image, so that it depends on no other and on no batch size.

    Drawn on the CPU: the same on every device.

    Args:
        seed: of the run.
        index: of the image.
        shape: of one latent, (4, h, w).
    """

    def __init__(self, seed: int, index: int, shape: tuple[int, int, int]) -> None:
        state = np.random.SeedSequence([seed, index]).generate_state(1, np.uint64)[0]
        self._generator = torch.Generator().manual_seed(int(state >> np.uint64(1)))
        self._shape = shape

    def pair(self) -> Tensor:
        """The next (2, 4, h, w) of standard normal numbers."""
        return torch.randn(2, *self._shape, generator=self._generator)


def make_scheduler(name: SchedulerName, config: Any) -> Any:
    """The sampler of that name with the base model's betas.

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

    Pair after pair, since decoding takes far more memory than denoising.
    """
    return torch.stack([vae.decode(pair / scaling).sample for pair in latents.to(vae.dtype)]).float()


def to_pixels(pictures: Tensor) -> Tensor:
    """Pictures (..., 3, H, W) in [-1, 1] as 8-bit (..., H, W, 3)."""
    unit = (pictures / 2 + 0.5).clamp(0, 1)
    return (unit * 255).round().to(torch.uint8).movedim(-3, -1).cpu()
