"""The training objective: noise both frames at one timestep, predict the noise, mean squared error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import TrainerError
from .unet import DualUNet


@dataclass(frozen=True, slots=True)
class StepInputs:
    """What one (micro) batch of B samples is trained on.

    Attributes:
        latents: (B, 2, 4, h, w), VAE samples of whole image and part, times the VAE's scaling factor.
        noise: (B, 2, 4, h, w).
        timesteps: (B,) integers, shared by both frames and the condition.
        condition: (B, 4, h, w), VAE samples of the condition, NOT scaled (a fact of the method); or None.
        condition_noise: (B, 4, h, w), independent of `noise`; or None.
    """

    latents: Tensor
    noise: Tensor
    timesteps: Tensor
    condition: Tensor | None = None
    condition_noise: Tensor | None = None


class NoiseSchedule:
    """The forward process of DDPM (Ho et al., NeurIPS 2020), section 2, with the base model's betas.

    Args:
        alphas_cumprod: (T,), the cumulative products of 1 - beta.
    """

    def __init__(self, alphas_cumprod: Tensor) -> None:
        self.alphas_cumprod = alphas_cumprod

    def __len__(self) -> int:
        return len(self.alphas_cumprod)

    def add_noise(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """sqrt(ab_t) clean + sqrt(1 - ab_t) noise, one timestep for each entry of the first dimension.

        The closed form of q(x_t | x_0) in DDPM, section 2.
        """
        shape = (-1, *[1] * (clean.dim() - 1))
        product = self.alphas_cumprod[timesteps].to(clean.dtype).view(shape)
        return product.sqrt() * clean + (1 - product).sqrt() * noise


def load_noise_schedule(scheduler: Any, device: torch.device) -> NoiseSchedule:
    """The forward process of a diffusers scheduler.

    Raises:
        TrainerError: the model predicts something else than the noise.
    """
    kind = scheduler.config.get("prediction_type", "epsilon")
    if kind != "epsilon":
        raise TrainerError(
            f"The base model predicts {kind!r} (scheduler/scheduler_config.json); the method needs a model "
            "that predicts noise ('epsilon'). Give a Stable Diffusion 1.5 folder."
        )
    return NoiseSchedule(scheduler.alphas_cumprod.to(device))


def join(parts: Sequence[StepInputs]) -> StepInputs:
    """The inputs of several types, one after the other."""
    if len(parts) == 1:
        return parts[0]
    columns = [[getattr(part, field.name) for part in parts] for field in fields(StepInputs)]
    return StepInputs(*(None if column[0] is None else torch.cat(column) for column in columns))


def predict(model: DualUNet, schedule: NoiseSchedule, inputs: StepInputs, text: Tensor) -> Tensor:
    """The predicted noise (B, 2, 4, h, w) for `text` states (B, 2, L, d).

    Both frames and the condition share the timestep; the condition has noise of its own, as in the authors' code.
    """
    noisy = schedule.add_noise(inputs.latents, inputs.noise, inputs.timesteps)
    condition = None
    if inputs.condition is not None and inputs.condition_noise is not None:
        condition = schedule.add_noise(inputs.condition, inputs.condition_noise, inputs.timesteps)
    return model(noisy, inputs.timesteps, text, condition)


def loss(prediction: Tensor, noise: Tensor) -> Tensor:
    """Plain mean over samples, frames and pixels, at least float32; no mask and no weights.

    The simplified objective of DDPM (Ho et al., NeurIPS 2020), section 3.4, on latents (Rombach et al., CVPR 2022,
    section 3.2), over both branches of DualAnoDiff alike.
    """
    if prediction.dtype in (torch.float16, torch.bfloat16):
        prediction = prediction.float()
    return F.mse_loss(prediction, noise.to(prediction.dtype))
