"""Attention over the streams of one batch: condition, whole image and anomaly part in a single pass.

Rows of a batch are stream-major: `[condition rows,] whole rows, part rows`, B rows each; of several anomaly types, one
such batch after the other. The reference
state of a layer is needed in that layer alone, so the condition pass and the main pass, which the authors' code
runs one after the other, are one pass; the result equals two passes (tests/trainer/method/test_attention.py).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..errors import TrainerError
from ..kernels.attention import fused_or_sdpa
from ..variant import FRAMES
from .adapters import Adapter
from .frames import add_two_frame_block, blend_condition
from .lora import FrameMasks, frame_lora
from .products import by_type

#: Attention over (rows, heads, tokens, head width): softmax(q k^T / sqrt(head width)) v, the scaled dot-product
#: attention of Vaswani et al. (NeurIPS 2017), section 3.2.1.
AttentionKernel = Callable[[Tensor, Tensor, Tensor], Tensor]


class FrameProcessor(ABC):
    """An attention processor as diffusers calls it, for the streams of one batch.

    A plain object with its arguments named in `__call__`: diffusers 0.27 and later drop keyword arguments that this
    signature does not name, and processors that define `forward` get none at all.
    """

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
            (S*B, N, c), without the block's residual; (2*B, N, c) where the condition ends.
        """
        if attention_mask is not None or temb is not None:
            raise ValueError("dual attention takes no attention mask and no time embedding")
        x = hidden_states.flatten(0, 1)
        source = x if encoder_hidden_states is None else encoder_hidden_states.flatten(0, 1)
        return self.attend(attn, x, source, len(hidden_states))

    @abstractmethod
    def attend(self, attn: Any, x: Tensor, source: Tensor, rows: int) -> Tensor:
        """`__call__` on all positions in one dimension: `x` (rows * N, c), keys and values from `source`."""


class DualAttention(FrameProcessor):
    """Attention processor of one layer: frozen projections, per-frame LoRA, condition, two-frame block.

    DualAnoDiff (Jin et al., CVPR 2025; arXiv 2408.13509), figure 2: two branches with LoRA of their own, joined after
    each attention layer, cross-attention included. What the paper leaves open is as the authors' code computes it.

    Args:
        adapter: the layer's trained parameters.
        condition: whether the batch carries a condition stream before the two frames.
        self_attention: whether this layer is self-attention, where the condition enters.
        masks: which rows use which frame's LoRA, for the rows of the result; shared by layers.
        kernel: the attention implementation.
        last: whether the condition ends here: the result has the frames' rows alone.
    """

    def __init__(
        self,
        adapter: Adapter,
        *,
        condition: bool,
        self_attention: bool,
        masks: FrameMasks,
        kernel: AttentionKernel = fused_or_sdpa,
        last: bool = False,
    ) -> None:
        self.adapter = adapter
        self.condition = condition
        self.self_attention = self_attention
        self.masks = masks
        self.kernel = kernel
        self.streams = FRAMES + condition
        self.last = last

    def attend(self, attn: Any, x: Tensor, source: Tensor, rows: int) -> Tensor:
        """Project, attend within each stream, then over the two frames at each position."""
        own, count, types = self.adapter, len(x) // rows, self.adapter.types
        if self.condition and self.self_attention:
            source = blend_condition(_by_stream(source, self.streams, types), own).flatten(0, -2)
        streams = self.streams
        if self.last:
            rows, streams = rows // streams * FRAMES, FRAMES
            x, source = (last_rows(t, rows * count, types) for t in (x, source))
        (query,) = frame_lora(x, self.masks(x, 1, types), own.q_down, (own.q_up,), ((attn.to_q.weight, None),))
        key, value = frame_lora(
            source,
            self.masks(source, 2, types),
            own.kv_down,
            (own.k_up, own.v_up),
            ((attn.to_k.weight, None), (attn.to_v.weight, None)),
        )
        attended = self.kernel(*(_split(part, rows, attn.heads) for part in (query, key, value)))
        attended = attended.transpose(1, 2).reshape(x.shape)
        last = attn.to_out[0]
        (output,) = frame_lora(
            attended, self.masks(x, 1, types), own.out_down, (own.out_up,), ((last.weight, last.bias),)
        )
        joined = add_two_frame_block(_by_stream(output, streams, types), own)
        return joined.view(rows, count, -1)


def _by_stream(rows: Tensor, streams: int, types: int) -> Tensor:
    """(S*R, c) as (S, R, c); of several types (T*S*R, c) as (T, S, R, c)."""
    return rows.unflatten(0, (streams, -1) if types == 1 else (types, streams, -1))


def last_rows(x: Tensor, count: int, types: int) -> Tensor:
    """The last `count` rows of (M, ...), of several types an equal number of each one's."""
    return x[-count:] if types == 1 else by_type(x, types)[:, -(count // types) :].flatten(0, 1)


def _split(x: Tensor, rows: int, heads: int) -> Tensor:
    """(rows * N, c) as (rows, heads, N, c / heads)."""
    return x.view(rows, -1, heads, x.shape[-1] // heads).transpose(1, 2)


def xformers_kernel() -> AttentionKernel:
    """xformers' memory-efficient attention.

    Raises:
        TrainerError: it is not installed, or was built for another torch.
    """
    try:
        from xformers.ops import memory_efficient_attention
    except Exception as error:  # a build for another torch raises all sorts of things
        raise TrainerError(
            f"--attention xformers: xformers does not load here ({error}). "
            "Leave the flag out; PyTorch's own fused attention is as fast."
        ) from error

    def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        q, k, v = (x.transpose(1, 2) for x in (query, key, value))
        return memory_efficient_attention(q, k, v).transpose(1, 2)

    return attend
