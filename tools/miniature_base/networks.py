"""The networks to train, new or from a packed file, and packing them again."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainer.miniature.base import BASE_UNET, BASE_VAE, base_text_config, pack, unpack, write_base_tokenizer
from trainer.miniature.model import SCHEDULER


def make_networks(device: torch.device) -> dict[str, nn.Module]:
    """`unet`, `vae` and `text_encoder` with random weights."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    networks = {
        "unet": UNet2DConditionModel.from_config(BASE_UNET),
        "vae": AutoencoderKL.from_config(BASE_VAE),
        "text_encoder": CLIPTextModel(CLIPTextConfig(**base_text_config())),
    }
    for name in ("unet", "vae"):
        networks[name].to(memory_format=torch.channels_last)
    return {name: network.to(device).train() for name, network in networks.items()}


def make_tokenizer() -> Any:
    """The base model's tokenizer."""
    from transformers import CLIPTokenizer

    with tempfile.TemporaryDirectory() as folder:
        write_base_tokenizer(Path(folder))
        return CLIPTokenizer.from_pretrained(folder)


def schedule_products(device: torch.device) -> Tensor:
    """The noise schedule's cumulative products of 1 - beta: (1000,)."""
    from diffusers import DDPMScheduler

    return DDPMScheduler.from_config(SCHEDULER).alphas_cumprod.to(device)


def write_packed(networks: dict[str, nn.Module], path: Path, scale: float, **texts: str) -> None:
    """Write the networks as the base model's file."""
    parts = {}
    for part, network in networks.items():
        tensors = {name: value.float().cpu().numpy() for name, value in network.state_dict().items()}
        if part == "text_encoder":  # transformers 5 dropped the outer name; files keep it
            tensors = {n if n.startswith("text_model.") else f"text_model.{n}": v for n, v in tensors.items()}
        parts[part] = {n: np.ascontiguousarray(v) for n, v in tensors.items() if not n.endswith("position_ids")}
    pack(parts, path, {"scaling_factor": repr(scale), **texts})


def read_packed(networks: dict[str, nn.Module], path: Path) -> dict[str, str]:
    """Load the networks' weights from the base model's file; returns its metadata."""
    parts, metadata = unpack(path)
    for part, network in networks.items():
        own = network.state_dict()
        for name, value in parts[part].items():
            short = name.removeprefix("text_model.")
            own[name if name in own else short].copy_(torch.from_numpy(value))
    return metadata


def make_pipeline(networks: dict[str, nn.Module], tokenizer: Any, scale: float) -> Any:
    """A silent Stable Diffusion pipeline of the networks, with PNDM."""
    from diffusers import PNDMScheduler, StableDiffusionPipeline

    networks["vae"].register_to_config(scaling_factor=scale)
    pipeline = StableDiffusionPipeline(
        **networks,
        tokenizer=tokenizer,
        scheduler=PNDMScheduler.from_config(SCHEDULER),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
