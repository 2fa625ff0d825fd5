"""What couples the streams: the condition in self-attention, and attention over the two frames.

Both are written out forward and backward, so that what is kept is small and no gradient is spread over
zero-filled copies of all streams.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..kernels.gates import mix_frames, mix_frames_backward
from ..kernels.layer_norm import affine_gradient, norm, norm_backward, sum_rows
from ..variant import FRAMES
from .adapters import TEMPORAL_EPS, Adapter


def blend_condition(x: Tensor, adapter: Adapter) -> Tensor:
    """Key/value source of a self-attention layer: frame 0 becomes (1 - a) x_0 + a M(condition).

    DualAnoDiff (Jin et al., CVPR 2025), Background Compensation Module: the background's state joins the whole
    image's before keys and values are made of it; queries, and the anomaly part, never see it. M, a and their start
    are those of the authors' code.

    Args:
        x: (3, R, c), the streams condition, whole, part at R positions each.
        adapter: holds the gate a and the two linear maps of M, which has no activation.
    """
    blended: Tensor = _Blend.apply(
        x, adapter.gate, adapter.map0_weight, adapter.map0_bias, adapter.map1_weight, adapter.map1_bias
    )
    return blended


class _Blend(torch.autograd.Function):
    """`blend_condition`; keeps its input and M's two results."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, gate: Tensor, first: Tensor, first_bias: Tensor, second: Tensor, second_bias: Tensor
    ) -> Tensor:
        inner = F.linear(x[0], first, first_bias)
        mapped = F.linear(inner, second, second_bias)
        ctx.save_for_backward(x, gate, first, second, inner, mapped)
        blended = torch.empty_like(x)
        blended[0], blended[2] = x[0], x[2]
        torch.lerp(x[1], mapped, gate, out=blended[1])
        return blended

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        x, gate, first, second, inner, mapped = ctx.saved_tensors
        dx = gradient.clone()
        dgate = (gradient[1] * (mapped - x[1])).sum(dtype=_sum_dtype(x)).to(x.dtype).view(1)
        dmapped = gradient[1] * gate
        dx[1] -= dmapped
        dinner = dmapped @ second
        dx[0].addmm_(dinner, first)
        return dx, dgate, dinner.t() @ x[0], sum_rows(dinner), dmapped.t() @ inner, sum_rows(dmapped)


def add_two_frame_block(output: Tensor, adapter: Adapter) -> Tensor:
    """Attention over the two frames at each position, added to the frames of `output`.

    DualAnoDiff (Jin et al., CVPR 2025), Self-attention Interaction Module: LayerNorm, a linear map, one-head attention
    (Vaswani et al., NeurIPS 2017, section 3.2.1) over two tokens, a linear map. With two tokens the softmax is
    a sigmoid of a score difference, so the values mix as v_1 + g (v_0 - v_1) with
    g = sigmoid(q (k_0 - k_1) / sqrt(c)). Only the difference of the keys occurs: their bias cancels, which is
    why `temporal_k.bias` has no gradient.

    Args:
        output: (S, R, c), the streams at R positions each, the two frames last.
        adapter: holds the block's parameters.
    """
    own = adapter
    result: Tensor = _TwoFrameBlock.apply(
        output, own.norm_weight, own.norm_bias, own.temporal_in_weight, own.temporal_in_bias, own.temporal_qv_weight,
        own.temporal_qv_bias, own.temporal_k_weight, own.temporal_out_weight, own.temporal_out_bias,
    )  # fmt: skip
    return result


class _TwoFrameBlock(torch.autograd.Function):
    """`add_two_frame_block`; keeps its input, the first map's result, queries, values and keys."""

    @staticmethod
    def forward(
        ctx: Any, output: Tensor, scale: Tensor, offset: Tensor, enter: Tensor, enter_bias: Tensor, qv: Tensor,
        qv_bias: Tensor, key: Tensor, leave: Tensor, leave_bias: Tensor,
    ) -> Tensor:  # fmt: skip
        frames = output[-FRAMES:]
        _, normal, mean, rstd = norm(frames, None, scale, offset, TEMPORAL_EPS)
        t = F.linear(normal, enter, enter_bias)
        queries_values = F.linear(t, qv.flatten(0, 1), qv_bias.flatten())
        keys = F.linear(t[0] - t[1], key)
        ctx.save_for_backward(output, mean, rstd, t, queries_values, keys, scale, offset, enter, qv, key, leave)
        added = F.linear(mix_frames(queries_values, keys), leave, leave_bias)
        result = torch.empty_like(output)
        result[:-FRAMES] = output[:-FRAMES]
        torch.add(frames, added, out=result[-FRAMES:])
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        output, mean, rstd, t, queries_values, keys, scale, offset, enter, qv, key, leave = ctx.saved_tensors
        frames, dadded = output[-FRAMES:], gradient[-FRAMES:]
        mixed = mix_frames(queries_values, keys)
        dqv, dkeys = mix_frames_backward(dadded @ leave, queries_values, keys)
        dt = dqv @ qv.flatten(0, 1)
        dt[0].addmm_(dkeys, key)
        dt[1].addmm_(dkeys, key, alpha=-1)
        _, normal, _, _ = norm(frames, None, scale, offset, TEMPORAL_EPS)
        dnormal = dt @ enter
        doutput = torch.empty_like(output)
        doutput[:-FRAMES] = gradient[:-FRAMES]
        norm_backward(dnormal, frames, mean, rstd, scale, passing=dadded, out=doutput[-FRAMES:])
        wide, flat, dadded = dqv.flatten(0, 1), dt.flatten(0, 1), dadded.flatten(0, 1)
        return (
            doutput, *affine_gradient(dnormal, frames, mean, rstd),
            flat.t() @ normal.flatten(0, 1), sum_rows(flat),
            (wide.t() @ t.flatten(0, 1)).view(qv.shape), sum_rows(wide).view(FRAMES, -1),
            dkeys.t() @ (t[0] - t[1]),
            dadded.t() @ mixed.flatten(0, 1), sum_rows(dadded),
        )  # fmt: skip


def _sum_dtype(x: Tensor) -> torch.dtype:
    """Precision for a sum over everything."""
    return torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else x.dtype
