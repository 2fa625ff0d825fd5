"""One training step the way upstream takes it, on the same random draws as the trainer's."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.trainer.naive import NaiveDualUNet, NaiveTextLoRA
from benchmarks.trainer.random_model import RandomModel
from benchmarks.trainer.values import set_values
from trainer.data.batches import Planner, StepPlan, draw
from trainer.data.dataset import TrainingSet
from trainer.data.latents import load_pictures, states_of
from trainer.method.text import tokenize
from trainer.train.config import TrainingConfig


class NaiveStep:
    """Reads files, encodes, runs two passes, updates tensor by tensor, waits for the loss.

    Args:
        config: the run; one pass a step.
        data: its images.
        planner: its steps.
        model: gives the frozen parts.
        device: where it runs.
    """

    def __init__(
        self,
        config: TrainingConfig,
        data: TrainingSet,
        planner: Planner,
        model: RandomModel,
        device: torch.device,
    ) -> None:
        self._config, self._data, self._planner, self._device = config, data, planner, device
        self._vae = model.vae()
        self._unet = NaiveDualUNet(model.unet(), variant=config.variant, rank=config.rank).to(device)
        self._text = NaiveTextLoRA(model.text_encoder(), config.rank).to(device)
        set_values(self._unet, self._text, config.seed)
        self._tokens = tokenize(model.tokenizer(), [config.prompt_blend, config.prompt_fg]).to(device)
        self._products = model.scheduler().alphas_cumprod.to(device)
        self._trained = [*self._unet.named_values().values(), *self._text.branches.parameters()]
        self._adamw = torch.optim.AdamW(self._trained, lr=config.learning_rate)

    def __call__(self, step: int) -> float:
        """One step; its loss."""
        plan = self._planner.step(step)
        pictures = self._read(plan)
        means, stds = zip(*(self._encode(kind) for kind in pictures.unbind(1)), strict=True)
        batch, latent = len(plan.indices), tuple(means[0].shape[1:])
        draws = draw(
            self._config.seed, step, batch, pictures=len(means), latent=latent,
            timesteps=len(self._products), device=self._device,
        )  # fmt: skip
        latents = [m + s * e for m, s, e in zip(means, stds, draws.encoding.unbind(1), strict=True)]
        frames = torch.stack([latents[0], latents[-1]], dim=1) * 0.18215
        condition = None
        if len(latents) == 3:
            condition = self._noised(latents[1], draws.condition_noise, draws.timesteps)
        states = self._text(self._tokens.repeat(batch, 1)).unflatten(0, (batch, 2))
        noisy = self._noised(frames, draws.noise, draws.timesteps)
        prediction = self._unet(noisy, draws.timesteps, states, condition)
        loss = F.mse_loss(prediction.float(), draws.noise)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._trained, 1.0)
        self._adamw.step()
        self._adamw.zero_grad(set_to_none=True)
        return loss.item()

    def _read(self, plan: StepPlan) -> Tensor:
        """The samples' pictures from their files, (B, K, 3, R, R)."""
        rows = [load_pictures(self._data, state, None, self._device) for state in states_of(plan)]
        return torch.stack(rows)

    @torch.no_grad()
    def _encode(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        result = self._vae.encode(pictures).latent_dist
        return result.mean, result.std

    def _noised(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        product = self._products[timesteps].view(-1, *[1] * (clean.dim() - 1))
        return product.sqrt() * clean + (1 - product).sqrt() * noise
