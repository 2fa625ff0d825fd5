"""Stable Diffusion 1.5 with random weights, made on the spot: the same cost as the real one, no download."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

DOWN = ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D")
UP = ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D")


@dataclass(frozen=True, slots=True)
class Size:
    """Widths of a model; the defaults are Stable Diffusion 1.5's."""

    unet: tuple[int, ...] = (320, 640, 1280, 1280)
    groups: int = 32
    vae: tuple[int, ...] = (128, 256, 512, 512)
    text: int = 768
    text_layers: int = 12
    resolution: int = 512


#: Small enough for two CPU cores.
QUICK = Size(unet=(32, 64, 64, 64), groups=8, vae=(32, 32, 64, 64), text=64, text_layers=2, resolution=128)


class RandomModel:
    """Makes the parts that `trainer.base_model.loading.ModelLoader` loads.

    Args:
        size: widths.
        device: where they are made; a second on a GPU, half a minute on a CPU.
    """

    def __init__(self, size: Size, device: torch.device) -> None:
        self._size, self._device = size, device

    def unet(self) -> Any:
        """The UNet."""
        size = self._size
        return self._make(
            lambda: UNet2DConditionModel(
                sample_size=size.resolution // 8,
                block_out_channels=size.unet,
                norm_num_groups=size.groups,
                cross_attention_dim=size.text,
                attention_head_dim=8,
                down_block_types=DOWN,
                up_block_types=UP,
            )
        )

    def vae(self) -> Any:
        """The autoencoder."""
        size = self._size
        blocks = len(size.vae)
        return self._make(
            lambda: AutoencoderKL(
                block_out_channels=size.vae,
                norm_num_groups=size.groups,
                layers_per_block=2,
                latent_channels=4,
                down_block_types=("DownEncoderBlock2D",) * blocks,
                up_block_types=("UpDecoderBlock2D",) * blocks,
            )
        )

    def text_encoder(self) -> Any:
        """The text encoder."""
        size = self._size
        config = CLIPTextConfig(
            hidden_size=size.text,
            intermediate_size=4 * size.text,
            num_hidden_layers=size.text_layers,
            num_attention_heads=size.text // 64,
        )
        return self._make(lambda: CLIPTextModel(config))

    def tokenizer(self) -> Any:
        """Any two different prompts will do."""

        def tokenize(prompts: list[str], **_options: Any) -> Any:
            rows = [[49406, *[ord(letter) for letter in prompt]] for prompt in prompts]
            return SimpleNamespace(input_ids=torch.tensor([row + [49407] * (77 - len(row)) for row in rows]))

        tokenize.model_max_length = 77  # type: ignore[attr-defined]
        return tokenize

    def scheduler(self) -> Any:
        """DDPM with Stable Diffusion's betas."""
        return DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")

    def _make(self, build: Any) -> Any:
        """The same weights every time, whichever setting is measured."""
        torch.manual_seed(0)
        with torch.device(self._device):
            return build().float().eval().requires_grad_(False)
