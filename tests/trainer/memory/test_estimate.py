"""The memory model against what autograd really keeps, and against the real model's parameter counts."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from diffusers import UNet2DConditionModel

from tests.places import ROOT
from trainer.memory.estimate import (
    MemorySettings,
    activation_bytes,
    estimate,
    text_parameters,
    trained_parameters,
    unet_parameters,
)
from trainer.memory.unet_layers import UNetShape, unet_layers
from trainer.method.adapters import initial_values
from trainer.method.unet import DualUNet
from trainer.optim.flat_parameters import AdapterParameters

SD15 = MemorySettings(train_text_encoder=True)


def make_unet(settings):
    shape = settings.unet
    return UNet2DConditionModel(
        sample_size=settings.resolution // 8,
        block_out_channels=shape.widths,
        norm_num_groups=8,
        cross_attention_dim=shape.text_width,
        attention_head_dim=8,
    )


def bytes_kept(settings):
    """Bytes of the distinct buffers that autograd keeps, parameters left out."""
    torch.set_num_threads(1)
    unet = make_unet(settings).train()
    if settings.gradient_checkpointing:
        unet.enable_gradient_checkpointing()
    model = DualUNet(unet, variant=settings.variant, rank=settings.rank)
    values = initial_values({prefix: a.parts for prefix, a in model.adapters.items()}, 0)
    parameters = AdapterParameters(model.adapters, values, device=torch.device("cpu"))
    weights = {t.untyped_storage().data_ptr() for t in [*unet.parameters(), *parameters.leaves]}
    kept = {}

    def keep(tensor):
        # The tensor itself is remembered, so that its address cannot be used again.
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    batch, side = settings.train_batch_size, settings.resolution // 8
    condition = torch.randn(batch, 4, side, side) if settings.variant == "bcm" else None
    text = torch.randn(batch, 2, 77, settings.unet.text_width, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(torch.randn(batch, 2, 4, side, side), torch.full((batch,), 9), text, condition)
    return sum(t.untyped_storage().nbytes() for at, t in kept.items() if at not in weights)


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize(
    ("variant", "widths", "batch", "resolution", "rank"),
    [("bcm", (32, 64, 64, 64), 1, 256, 8), ("dual", (32, 64, 96, 96), 2, 128, 4)],
)
def test_activations_are_what_autograd_keeps(variant, widths, batch, resolution, rank, checkpointing):
    settings = MemorySettings(
        train_batch_size=batch,
        resolution=resolution,
        variant=variant,
        rank=rank,
        gradient_checkpointing=checkpointing,
        unet=UNetShape(widths=widths, text_width=64),
    )
    predicted, _ = activation_bytes(settings, list(unet_layers(settings.unet, resolution // 8)))
    assert predicted == pytest.approx(bytes_kept(settings), rel=0.04)


def test_parameter_counts_of_stable_diffusion():
    layers = list(unet_layers(SD15.unet, 64))
    assert unet_parameters(SD15, layers) == 859_520_964
    assert text_parameters(SD15) == 123_060_480
    with torch.device("meta"):
        model = DualUNet(
            UNet2DConditionModel(cross_attention_dim=768, block_out_channels=SD15.unet.widths),
            variant="bcm",
            rank=32,
        )
    real = sum(p.numel() for adapter in model.adapters.values() for p in adapter.parameters())
    without_text = replace(SD15, train_text_encoder=False)
    assert trained_parameters(without_text, layers) == real


def test_each_saving_saves():
    def peak(**changes):
        return estimate(replace(SD15, **changes)).peak

    assert peak(gradient_checkpointing=True) < peak()
    assert peak(mixed_precision="bf16") < peak()
    assert peak(use_8bit_adam=True) < peak()
    assert peak(train_batch_size=1) < peak()
    assert peak(variant="dual") < peak()
    assert peak(train_text_encoder=False) < peak()
    assert peak(cache_latents=False) > peak()


def test_runs_without_any_package():
    code = (
        "import runpy, sys; sys.path.insert(0, '.'); "
        "sys.argv = ['m', '--json', '--mixed_precision', 'bf16', '--output_dir', 'x', '--rank', '16']; "
        "runpy.run_module('trainer.memory', run_name='__main__')"
    )
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    document = json.loads(done.stdout)
    assert document["unit"] == "bytes"
    assert document["peak"] == sum(
        document[k] for k in ("frozen", "adapters", "optimizer", "activations", "backward", "context")
    )


def test_cached_latents_count_by_image_and_flip():
    one = 3 * 4 * 64 * 64 * 2 * 4  # pictures, channels, side, side, mean and deviation, bytes
    many = replace(SD15, images=14)
    assert estimate(many).latents == 14 * 4 * one == estimate(many).peak - estimate(SD15).peak
    assert estimate(replace(many, variant="dual", flips=1)).latents == 14 * one * 2 // 3
    assert estimate(replace(many, cache_latents=False)).latents == 0
