"""The oracle's files: what upstream computed, and a model with its start values."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from safetensors.torch import load_file
from torch import Tensor
from transformers import CLIPTextModel

from tests.places import ORACLE
from trainer.method.objective import NoiseSchedule, StepInputs, load_noise_schedule
from trainer.method.text import TextEncoder
from trainer.method.unet import DualUNet
from trainer.optim.flat_parameters import AdapterParameters

VARIANTS = ("bcm", "dual")
SCALE = 0.18215

needs_oracle = pytest.mark.skipif(
    not ORACLE.is_dir(), reason=f"no oracle at {ORACLE}; set DUALANO_ORACLE to its folder"
)


def read(name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and JSON of one oracle part."""
    return load_file(ORACLE / f"{name}.safetensors"), json.loads((ORACLE / f"{name}.json").read_text())


def build(
    variant: str, *, with_text: bool, dtype: torch.dtype = torch.float32
) -> tuple[DualUNet, TextEncoder | None, AdapterParameters, NoiseSchedule]:
    """The toy model with the oracle's start values."""
    torch.set_num_threads(1)
    values = load_file(ORACLE / f"{variant}_adapters.safetensors")
    rank = next(v.shape[0] for k, v in values.items() if k.endswith("to_k_lora.0.down.weight"))
    unet = UNet2DConditionModel.from_pretrained(ORACLE / "model" / "unet").to(dtype)
    model = DualUNet(unet, variant=variant, rank=rank)
    adapters, text = dict(model.adapters), None
    if with_text:
        encoder = CLIPTextModel.from_pretrained(ORACLE / "model" / "text_encoder").to(dtype)
        text = TextEncoder(encoder, rank=rank)
        adapters.update(text.adapters)
    else:
        values = {k: v for k, v in values.items() if k.startswith("unet.")}
    parameters = AdapterParameters(adapters, values, device=torch.device("cpu"), dtype=dtype)
    scheduler = DDPMScheduler.from_pretrained(ORACLE / "model", subfolder="scheduler")
    return model, text, parameters, load_noise_schedule(scheduler, torch.device("cpu"))


def step_inputs(tensors: dict[str, Tensor], prefix: str) -> StepInputs:
    """The saved random draws of one step."""

    def pair(kind: str) -> Tensor:
        return torch.stack([tensors[f"{prefix}{kind}_blend"], tensors[f"{prefix}{kind}_fg"]], dim=1)

    return StepInputs(
        pair("vae") * SCALE,
        pair("noise"),
        tensors[f"{prefix}timesteps"],
        tensors.get(f"{prefix}vae_cond"),
        tensors.get(f"{prefix}noise_cond"),
    )
