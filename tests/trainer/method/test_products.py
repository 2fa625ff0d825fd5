"""Several anomaly types in one pass equal a pass of each alone, in float64, gradients included."""

from __future__ import annotations

import pytest
import torch
from diffusers import UNet2DConditionModel
from transformers import CLIPTextModel

from tests.miniature import miniature
from trainer.method.adapters import initial_values
from trainer.method.text import TextEncoder, TextSource
from trainer.method.unet import DualUNet
from trainer.optim.flat_parameters import AdapterParameters, Leaves

EXACT = 1e-12
CPU = torch.device("cpu")
TYPES, SAMPLES = 3, 2


def random_values(layers, seed):
    values = initial_values({prefix: adapter.parts for prefix, adapter in layers.items()}, seed)
    generator = torch.Generator().manual_seed(seed)
    return {
        name: value.double() + 0.1 * torch.randn(value.shape, generator=generator, dtype=torch.float64)
        for name, value in values.items()
    }


@pytest.mark.parametrize(("variant", "checkpointing"), [("bcm", False), ("bcm", True), ("dual", False)])
def test_types_together_equal_each_alone(variant, checkpointing):
    torch.set_num_threads(1)
    unet = UNet2DConditionModel.from_pretrained(miniature() / "model" / "unet").double()
    model = DualUNet(unet, variant=variant, rank=3)
    if checkpointing:
        unet.enable_gradient_checkpointing()
        unet.train()
    encoder = TextEncoder(CLIPTextModel.from_pretrained(miniature() / "model" / "text_encoder").double().eval(), rank=3)
    layers = {**model.adapters, **encoder.adapters}
    text = TextSource(encoder=encoder, tokens=torch.tensor([[5, 9, 2] * 4, [7, 1, 3] * 4]))
    values = [random_values(layers, seed) for seed in range(TYPES)]
    generator = torch.Generator().manual_seed(3)
    rows = TYPES * SAMPLES
    latents = torch.randn(rows, 2, 4, 8, 8, generator=generator, dtype=torch.float64)
    condition = torch.randn(rows, 4, 8, 8, generator=generator, dtype=torch.float64) if variant == "bcm" else None
    times = torch.randint(1000, (rows,), generator=generator)
    weights = torch.randn(latents.shape, generator=generator, dtype=torch.float64)

    def run(part):
        seen = None if condition is None else condition[part]
        output = model(latents[part], times[part], text(len(latents[part])), seen)
        (output * weights[part]).sum().backward()
        return output.detach()

    alone = AdapterParameters(layers, values[0], device=CPU, dtype=torch.float64)
    expected, gradients = [], []
    for kind in range(TYPES):
        alone.load(values[kind])
        alone.start_sum(1)
        expected.append(run(slice(kind * SAMPLES, (kind + 1) * SAMPLES)))
        gradients.append(alone.gradient.clone())
    stack = Leaves(layers, TYPES, device=CPU, dtype=torch.float64, layout=alone.stack.layout)
    together = [AdapterParameters(layers, value, device=CPU, stack=stack, row=row) for row, value in enumerate(values)]
    got, expected = run(slice(None)), torch.cat(expected)
    assert (got - expected).abs().max() <= EXACT * expected.abs().max()
    for own, gradient in zip(together, gradients, strict=True):
        assert (own.gradient - gradient).abs().max() <= EXACT * gradient.abs().max()
        assert own.gradient.abs().max() > 0
