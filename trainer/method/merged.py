"""Dual attention for inference: what is linear and fixed is multiplied out once, before the first image.

LoRA joins the frozen projections, one set for each frame (W + B A; Hu et al., ICLR 2022, section 4.1), the two-frame
block's first map joins those of queries, keys and values, and its last map those of the values, since a mixture's
weights add up to one. The same function with half the matrix products (tests/trainer/method/test_merged.py compares in
float64).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..kernels.gates import mix_frames
from ..kernels.layer_norm import norm
from ..variant import FRAMES
from .adapters import TEMPORAL_EPS, Adapter
from .attention import DualAttention, FrameProcessor
from .unet import DualUNet, RowLayout


def merge_adapters(model: DualUNet) -> None:
    """Replace, in place, the attention of `model` by its merged form; it cannot be trained any more.

    Merge in full precision, and convert to a lower one afterwards: then each weight is rounded once.
    """
    merged = []
    for layer in model.unet.modules():
        dual = getattr(layer, "processor", None)
        if isinstance(dual, DualAttention):
            weights = MergedWeights(layer, dual.adapter)
            layer.set_processor(MergedAttention(weights, dual, model.layout))
            merged.append(weights)
    # Under the model's own modules, so that they move and convert with it.
    model.adapter_modules = nn.ModuleList(merged)


class MergedWeights(nn.Module):
    """The weights of one layer; projections as (2, in, out), one for each frame.

    Args:
        layer: diffusers' attention layer.
        adapter: the layer's trained parameters.
    """

    def __init__(self, layer: Any, adapter: Adapter) -> None:
        super().__init__()
        own, last = adapter, layer.to_out[0]
        with torch.no_grad():
            key = _with_lora(layer.to_k.weight, own.kv_down[0], own.k_up)
            value = _with_lora(layer.to_v.weight, own.kv_down[1], own.v_up)
            enter, leave = own.temporal_in_weight, own.temporal_out_weight
            query_map, value_map = own.temporal_qv_weight
            value_bias = value_map @ own.temporal_in_bias + own.temporal_qv_bias[1]
            weights = {
                "query": _with_lora(layer.to_q.weight, own.q_down, own.q_up),
                "key_value": torch.cat([key, value], dim=2),
                "out": _with_lora(last.weight, own.out_down, own.out_up),
                "out_bias": last.bias,
                "norm_weight": own.norm_weight,
                "norm_bias": own.norm_bias,
                "frame_qv": torch.cat([query_map @ enter, leave @ (value_map @ enter)]),
                "frame_qv_bias": torch.cat(
                    [
                        query_map @ own.temporal_in_bias + own.temporal_qv_bias[0],
                        leave @ value_bias + own.temporal_out_bias,
                    ]
                ),
                "frame_key": own.temporal_k_weight @ enter,
            }
        for name, weight in weights.items():
            self.register_buffer(name, weight.detach().clone(), persistent=False)
        for name in ("gate", "map0_weight", "map0_bias", "map1_weight", "map1_bias"):
            if hasattr(own, name):
                self.register_buffer(name, getattr(own, name).detach().clone(), persistent=False)


class MergedAttention(FrameProcessor):
    """Attention processor with merged weights; streams as in `attention.DualAttention`, conditions as in `layout`."""

    def __init__(self, weights: MergedWeights, dual: DualAttention, layout: RowLayout) -> None:
        self.weights, self.layout = weights, layout
        self.streams, self.last, self.kernel = dual.streams, dual.last, dual.kernel
        self.blends = dual.condition and dual.self_attention

    @torch.no_grad()
    def attend(self, attn: Any, x: Tensor, source: Tensor, rows: int) -> Tensor:
        """As `DualAttention.attend`."""
        own, width, count, total = self.weights, x.shape[-1], len(x) // rows, rows
        conditions = self.layout.conditions(total) if self.streams > FRAMES else 0
        rows = (total - conditions) // FRAMES
        part = rows * (len(source) // total)
        key_value = source.new_empty(len(source), 2 * width)
        if self.blends:
            seen = x[: conditions * count]
            mapped = F.linear(F.linear(seen, own.map0_weight, own.map0_bias), own.map1_weight, own.map1_bias)
            if self.layout.seen_by is not None:
                mapped = mapped.unflatten(0, (conditions, count))[self.layout.seen_by].flatten(0, 1)
            whole = torch.lerp(x[len(seen) : -part], mapped, own.gate)
            torch.mm(seen, own.key_value[0], out=key_value[: len(seen)])
            torch.mm(whole, own.key_value[0], out=key_value[len(seen) : -part])
        else:
            torch.mm(source[:-part], own.key_value[0], out=key_value[:-part])
        torch.mm(source[-part:], own.key_value[1], out=key_value[-part:])
        first = conditions if self.last else 0
        x, key_value = x[first * count :], key_value.view(total, -1, 2, width)[first:]
        query, split = torch.empty_like(x), len(x) - rows * count
        torch.mm(x[:split], own.query[0], out=query[:split])
        torch.mm(x[split:], own.query[1], out=query[split:])
        heads = (query.view(len(key_value), count, -1), key_value[:, :, 0], key_value[:, :, 1])
        attended = self.kernel(*(t.unflatten(-1, (attn.heads, -1)).transpose(1, 2) for t in heads))
        attended, output = attended.transpose(1, 2).reshape(x.shape), torch.empty_like(x)
        torch.addmm(own.out_bias, attended[:split], own.out[0], out=output[:split])
        torch.addmm(own.out_bias, attended[split:], own.out[1], out=output[split:])
        self._join(output[-FRAMES * rows * count :].view(FRAMES, -1, width))
        return output.view(-1, count, width)

    def _join(self, frames: Tensor) -> None:
        """Add the attention over the two frames (2, R, c), in place."""
        own = self.weights
        _, normal, _, _ = norm(frames, None, own.norm_weight, own.norm_bias, TEMPORAL_EPS)
        queries_values = F.linear(normal, own.frame_qv, own.frame_qv_bias)
        frames.add_(mix_frames(queries_values, F.linear(normal[0] - normal[1], own.frame_key)))


def _with_lora(weight: Tensor, down: Tensor, up: Tensor) -> Tensor:
    """(2, in, out): a frozen weight (out, in) with each frame's LoRA (2, r, in) and (2, r, out)."""
    return weight.t() + down.transpose(1, 2) @ up
