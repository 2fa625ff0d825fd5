"""One merged pass equals two plain passes, in float64, gradients included."""

from __future__ import annotations

import pytest
import torch
from diffusers import UNet2DConditionModel

from benchmarks.trainer.naive import NaiveDualUNet
from tests.miniature import miniature
from trainer.errors import TrainerError
from trainer.method.adapters import initial_values
from trainer.method.unet import DualUNet
from trainer.optim.flat_parameters import AdapterParameters

EXACT = 1e-12


def random_values(model):
    """Start values in which every part matters: nothing is zero."""
    values = initial_values({prefix: adapter.parts for prefix, adapter in model.adapters.items()}, seed=1)
    generator = torch.Generator().manual_seed(2)
    return {
        name: value.double() + 0.1 * torch.randn(value.shape, generator=generator, dtype=torch.float64)
        for name, value in values.items()
    }


def inputs(variant, unet):
    generator = torch.Generator().manual_seed(3)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)

    condition = normal(3, 4, 8, 8) if variant == "bcm" else None
    text = normal(3, 2, 77, unet.config.cross_attention_dim)
    return normal(3, 2, 4, 8, 8), torch.tensor([5, 500, 999]), text, condition


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("variant", ["bcm", "dual"])
def test_merged_equals_two_passes(variant, checkpointing):
    torch.set_num_threads(1)

    def unet():
        return UNet2DConditionModel.from_pretrained(miniature() / "model" / "unet").double()

    merged = DualUNet(unet(), variant=variant, rank=3)
    if checkpointing:
        merged.unet.enable_gradient_checkpointing()
        merged.unet.train()
    values = random_values(merged)
    parameters = AdapterParameters(merged.adapters, values, device=torch.device("cpu"), dtype=torch.float64)
    naive = NaiveDualUNet(unet(), variant=variant, rank=3).double()
    with torch.no_grad():
        for name, parameter in naive.named_values().items():
            parameter.copy_(values[name])
    results, text_gradients = [], []
    for model in (merged, naive):
        latents, times, text, condition = inputs(variant, naive.unet)
        output = model(latents, times, text, condition)
        weights = torch.linspace(-1, 1, output.numel(), dtype=torch.float64).view(output.shape)
        (output * weights).sum().backward()
        results.append(output.detach())
        text_gradients.append(text.grad)
    assert (results[0] - results[1]).abs().max() <= EXACT * results[1].abs().max().clamp(min=1)
    scale = text_gradients[1].abs().max()
    assert (text_gradients[0] - text_gradients[1]).abs().max() <= EXACT * scale
    got = parameters.views(parameters.gradient)
    largest = max(p.grad.abs().max() for p in naive.named_values().values() if p.grad is not None)
    for name, parameter in naive.named_values().items():
        if parameter.grad is None:
            assert name in parameters.untrained
        else:
            assert (got[name] - parameter.grad).abs().max() <= EXACT * largest, name


def test_an_inpainting_network_is_refused():
    config = UNet2DConditionModel.load_config(miniature() / "model" / "unet")
    unet = UNet2DConditionModel.from_config({**config, "in_channels": 9})
    with pytest.raises(TrainerError, match="takes 9 channels"):
        DualUNet(unet, variant="bcm", rank=2)
