"""Attention over the streams of one batch: condition, whole image and anomaly part in a single pass.

Rows of a batch are stream-major: `[condition rows,] whole rows, part rows`, B rows each. The reference
state of a layer is needed in that layer alone, so the condition pass and the main pass are one pass; the
result equals two passes (tests/trainer/test_merged_pass.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from .adapters import FRAMES, TEMPORAL_EPS, Adapter

#: Attention over (rows, heads, tokens, head width): softmax(q k^T / sqrt(head width)) v.
AttentionKernel = Callable[[Tensor, Tensor, Tensor], Tensor]


def sdpa(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """PyTorch's own fused attention."""
    return F.scaled_dot_product_attention(query, key, value)


class DualAttention:
    """Attention processor of one layer: frozen projections, per-frame LoRA, condition, two-frame block.

    A plain object with its arguments named in `__call__`: diffusers 0.27 and later drop keyword arguments
    that this signature does not name, and processors that define `forward` get none at all.

    Args:
        adapter: the layer's trained parameters.
        condition: whether the batch carries a condition stream before the two frames.
        self_attention: whether this layer is self-attention, where the condition enters.
        kernel: the attention implementation.
    """

    def __init__(
        self, adapter: Adapter, *, condition: bool, self_attention: bool, kernel: AttentionKernel = sdpa
    ) -> None:
        self.adapter = adapter
        self.condition = condition
        self.self_attention = self_attention
        self.kernel = kernel
        self.streams = FRAMES + condition

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        """Attend.

        Args:
            attn: diffusers' layer, whose frozen projections are used.
            hidden_states: (S*B, N, c), the streams after the block's LayerNorm.
            encoder_hidden_states: (S*B, L, text width) in cross-attention, else None.
            attention_mask: must be None, the method has none.
            temb: must be None.

        Returns:
            (S*B, N, c), without the block's residual.
        """
        if attention_mask is not None or temb is not None:
            raise ValueError("dual attention takes no attention mask and no time embedding")
        own = self.adapter
        x = _by_stream(hidden_states, self.streams)
        y = x if encoder_hidden_states is None else _by_stream(encoder_hidden_states, self.streams)
        if self.condition and self.self_attention:
            y = blend_condition(y, own)
        mask = own.frame_mask
        heads = attn.heads
        query = _add_lora(attn.to_q(x), low_rank(x, own.q_down, mask), own.q_up)
        inner = low_rank(y, own.kv_down, mask)
        half = inner.shape[-1] // 2
        key = _add_lora(attn.to_k(y), inner[..., :half], own.k_up)
        value = _add_lora(attn.to_v(y), inner[..., half:], own.v_up)
        attended = self.kernel(_split(query, heads), _split(key, heads), _split(value, heads))
        attended = _by_stream(attended.transpose(1, 2).flatten(2), self.streams)
        output = _add_lora(attn.to_out[0](attended), low_rank(attended, own.out_down, mask), own.out_up)
        frames = output[-FRAMES:]
        joined = frames + two_frame_block(frames, own)
        if self.condition:
            joined = torch.cat([output[:1], joined])
        return joined.flatten(0, 1)


def make_frame_mask(streams: int, rank: int, like: Tensor) -> Tensor:
    """(S, 1, 1, 2r): which frame's LoRA columns a stream uses; the condition uses frame 0's.

    Args:
        streams: S, 2 or 3; the last is the anomaly part.
        rank: r.
        like: gives dtype and device.
    """
    mask = torch.zeros(streams, 1, 1, FRAMES * rank, dtype=like.dtype, device=like.device)
    mask[:-1, ..., :rank] = 1
    mask[-1:, ..., rank:] = 1
    return mask


def blend_condition(x: Tensor, adapter: Adapter) -> Tensor:
    """Key/value source of a self-attention layer: frame 0 becomes (1 - a) x_0 + a M(condition).

    Args:
        x: (3, B, N, c), the streams condition, whole, part.
        adapter: holds the gate a and the two linear maps of M, which has no activation.
    """
    mapped = F.linear(x[:1], adapter.map0_weight, adapter.map0_bias)
    mapped = F.linear(mapped, adapter.map1_weight, adapter.map1_bias)
    return torch.cat([x[:1], torch.lerp(x[1:2], mapped, adapter.gate.to(x.dtype)), x[2:]])


def two_frame_block(frames: Tensor, adapter: Adapter) -> Tensor:
    """One-head attention over the two frames at each token position, without its residual.

    With two tokens the softmax is a sigmoid of a score difference, so the values mix as
    v_1 + g (v_0 - v_1) with g = sigmoid(q (k_0 - k_1) / sqrt(c)). Only the difference of the keys occurs:
    their bias cancels, which is why `temporal_k.bias` has no gradient.

    Args:
        frames: (2, B, N, c).
    """
    width = frames.shape[-1]
    t = F.layer_norm(frames, (width,), adapter.norm_weight, adapter.norm_bias, TEMPORAL_EPS)
    t = F.linear(t, adapter.temporal_in_weight, adapter.temporal_in_bias)
    query, value = F.linear(t, adapter.temporal_qv_weight.flatten(0, 1), adapter.temporal_qv_bias.flatten()).chunk(
        2, dim=-1
    )
    key_difference = F.linear(t[0] - t[1], adapter.temporal_k_weight)
    score = (query * key_difference).sum(-1, keepdim=True) / math.sqrt(width)
    mixed = torch.lerp(value[1], value[0], score.sigmoid())
    return F.linear(mixed, adapter.temporal_out_weight, adapter.temporal_out_bias)


def low_rank(x: Tensor, down: Tensor, mask: Tensor) -> Tensor:
    """The inner LoRA activations of both frames, zero where a row belongs to the other frame.

    Both frames' matrices are one product, since a rank below 64 costs a GPU as much as 64.

    Args:
        x: (S, B, N, in).
        down: (2, r, in), or (2, 2, r, in) for keys and values together.
        mask: (S, 1, 1, 2r).

    Returns:
        (S, B, N, 2r), or (S, B, N, 4r).
    """
    inner = F.linear(x, down.flatten(0, -2))
    if down.dim() == 4:
        mask = torch.cat([mask, mask], dim=-1)
    return inner * mask


def _add_lora(base: Tensor, inner: Tensor, up: Tensor) -> Tensor:
    """`base` + inner @ up, in one matrix product.

    Args:
        base: (S, B, N, c).
        inner: (S, B, N, 2r).
        up: (2, r, c).
    """
    total = torch.addmm(base.flatten(0, 2), inner.flatten(0, 2), up.flatten(0, 1))
    return total.view(base.shape)


def _by_stream(rows: Tensor, streams: int) -> Tensor:
    """(S*B, N, c) as (S, B, N, c)."""
    return rows.unflatten(0, (streams, -1))


def _split(x: Tensor, heads: int) -> Tensor:
    """(S, B, N, c) as (S*B, heads, N, c / heads)."""
    return x.flatten(0, 1).unflatten(-1, (heads, -1)).transpose(1, 2)
