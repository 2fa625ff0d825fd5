"""The peak of a whole pass at Stable Diffusion 1.5's size, counted on tensors without memory, and what is predicted.

Counts PyTorch's own operations on its "meta" device. A GPU's kernels need less in some places and workspaces besides
(benchmarks/trainer/RESULTS.md has what was measured).
"""

from __future__ import annotations

import weakref

import pytest
import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from trainer.memory.estimate import GIB, MemorySettings, estimate
from trainer.method.unet import DualUNet
from trainer.optim.flat_parameters import AdapterParameters


class Peak(TorchDispatchMode):
    """Adds up the memory of all tensors that are alive, after every operation."""

    def __init__(self):
        super().__init__()
        self.alive = self.highest = 0
        self._seen = {}

    def count(self, tensor):
        storage = tensor.untyped_storage()
        key, size = id(storage), storage.nbytes()
        if key in self._seen:
            return

        def gone(_):
            self.alive -= size
            del self._seen[key]

        self._seen[key] = weakref.ref(storage, gone)
        self.alive += size
        self.highest = max(self.highest, self.alive)

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self.count(tensor)
        return result


def without_scores(query, key, value):
    """Attention as every device with a fused kernel computes it; without a device PyTorch takes the plain formula."""
    return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(query, key, value)[0]


def count_peak(settings):
    """Bytes alive at most in one pass in bf16, weights, gradient sum and AdamW's moments included."""
    dtype, batch, side = torch.bfloat16, settings.train_batch_size, settings.resolution // 8
    with torch.device("meta"):
        torch.set_default_dtype(dtype)
        try:
            unet = UNet2DConditionModel(cross_attention_dim=768).requires_grad_(False).train()
        finally:
            torch.set_default_dtype(torch.float32)
        unet.enable_gradient_checkpointing()
        model = DualUNet(unet, variant=settings.variant, rank=settings.rank)
        values = {
            prefix + part.name: torch.empty(part.shape, device="cpu")
            for prefix, adapter in model.adapters.items()
            for part in adapter.parts
        }
        parameters = AdapterParameters(model.adapters, values, device=torch.device("meta"), dtype=dtype)
        moments = [torch.zeros_like(parameters.master) for _ in range(2)]
        peak = Peak()
        for tensor in (*unet.parameters(), *unet.buffers(), parameters.master, parameters.gradient, *moments):
            peak.count(tensor)
        peak.count(parameters.leaves[0])  # all leaves are views of one buffer
        frames, condition = torch.randn(batch, 2, 4, side, side), torch.randn(batch, 4, side, side)
        text = torch.randn(batch, 2, 77, 768, dtype=dtype)
        with peak, parameters.collecting():
            model(frames, torch.zeros(batch, dtype=torch.long), text, condition).sum().backward()
    return peak.highest


@pytest.mark.slow
def test_the_smallest_setting_needs_what_is_predicted(monkeypatch):
    monkeypatch.setattr(F, "scaled_dot_product_attention", without_scores)
    settings = MemorySettings(train_batch_size=1, mixed_precision="bf16", gradient_checkpointing=True)
    counted = count_peak(settings)
    assert counted == pytest.approx(estimate(settings).tensors, rel=0.02)
    assert counted < 4.5 * GIB
