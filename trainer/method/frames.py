"""What couples the streams: the condition in self-attention, and attention over the two frames.

Both are written out forward and backward, so that what is kept is small and no gradient is spread over
zero-filled copies of all streams.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..kernels.gates import mix_frames, mix_frames_backward
from ..kernels.layer_norm import affine_gradient, norm, norm_backward, sum_rows
from ..variant import FRAMES
from .adapters import TEMPORAL_EPS, Adapter
from .products import add_product, linear


def blend_condition(x: Tensor, adapter: Adapter) -> Tensor:
    """Key/value source of a self-attention layer: frame 0 becomes (1 - a) x_0 + a M(condition).

    DualAnoDiff (Jin et al., CVPR 2025), Background Compensation Module: the background's state joins the whole
    image's before keys and values are made of it; queries, and the anomaly part, never see it. M, a and their start
    are those of the authors' code.

    Args:
        x: (3, R, c), the streams condition, whole, part at R positions each; or (T, 3, R, c) for T types.
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
        seen, whole, part = x.unbind(-3)
        inner = linear(seen, first, first_bias)
        mapped = linear(inner, second, second_bias)
        gate = _gate(gate)
        ctx.save_for_backward(x, gate, first, second, inner, mapped)
        blended = torch.empty_like(x)
        blended[..., 0, :, :], blended[..., 2, :, :] = seen, part
        torch.lerp(whole, mapped, gate, out=blended[..., 1, :, :])
        return blended

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        x, gate, first, second, inner, mapped = ctx.saved_tensors
        seen, whole, _ = x.unbind(-3)
        dx = gradient.clone()
        own = gradient[..., 1, :, :]
        dgate = (own * (mapped - whole)).sum((-2, -1), dtype=_sum_dtype(x)).to(x.dtype).view(*x.shape[:-3], 1)
        dmapped = own * gate
        dx[..., 1, :, :] -= dmapped
        dinner = dmapped @ second
        add_product(dx[..., 0, :, :], dinner, first)
        return dx, dgate, dinner.mT @ seen, sum_rows(dinner), dmapped.mT @ inner, sum_rows(dmapped)


def _gate(gate: Tensor) -> Tensor:
    """(1,), or (T, 1, 1) of the gates (T, 1) of T types."""
    return gate if gate.dim() == 1 else gate[:, None]


def add_two_frame_block(output: Tensor, adapter: Adapter) -> Tensor:
    """Attention over the two frames at each position, added to the frames of `output`.

    DualAnoDiff (Jin et al., CVPR 2025), Self-attention Interaction Module: LayerNorm, a linear map, one-head attention
    (Vaswani et al., NeurIPS 2017, section 3.2.1) over two tokens, a linear map. With two tokens the softmax is
    a sigmoid of a score difference, so the values mix as v_1 + g (v_0 - v_1) with
    g = sigmoid(q (k_0 - k_1) / sqrt(c)). Only the difference of the keys occurs: their bias cancels, which is
    why `temporal_k.bias` has no gradient.

    Args:
        output: (S, R, c), the streams at R positions each, the two frames last; or (T, S, R, c) for T types.
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
        # Of several types the frames lie apart.
        frames = output[..., -FRAMES:, :, :].contiguous()
        _, normal, mean, rstd = norm(frames, None, scale, offset, TEMPORAL_EPS)
        t = _frames(linear(_rows(normal), enter, enter_bias), normal)
        queries_values = _frames(linear(_rows(t), qv.flatten(-3, -2), qv_bias.flatten(-2)), normal)
        keys = linear(t[..., 0, :, :] - t[..., 1, :, :], key)
        ctx.save_for_backward(frames, mean, rstd, t, queries_values, keys, scale, offset, enter, qv, key, leave)
        ctx.streams = output.shape[-3]
        added = linear(_rows(mix_frames(queries_values, keys)), leave, leave_bias)
        result = torch.empty_like(output)
        result[..., :-FRAMES, :, :] = output[..., :-FRAMES, :, :]
        torch.add(frames, _frames(added, frames), out=result[..., -FRAMES:, :, :])
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        frames, mean, rstd, t, queries_values, keys, scale, offset, enter, qv, key, leave = ctx.saved_tensors
        dadded = gradient[..., -FRAMES:, :, :].contiguous()
        wide_dadded = _rows(dadded)
        mixed = mix_frames(queries_values, keys)
        dqv, dkeys = mix_frames_backward(_frames(wide_dadded @ leave, frames), queries_values, keys)
        wide = _rows(dqv)
        dt = _frames(wide @ qv.flatten(-3, -2), frames)
        add_product(dt[..., 0, :, :], dkeys, key)
        add_product(dt[..., 1, :, :], dkeys, key, alpha=-1)
        _, normal, _, _ = norm(frames, None, scale, offset, TEMPORAL_EPS)
        flat = _rows(dt)
        dnormal = _frames(flat @ enter, frames)
        doutput = gradient.new_empty(*frames.shape[:-3], ctx.streams, *frames.shape[-2:])
        doutput[..., :-FRAMES, :, :] = gradient[..., :-FRAMES, :, :]
        norm_backward(dnormal, frames, mean, rstd, scale, passing=dadded, out=doutput[..., -FRAMES:, :, :])
        return (
            doutput, *affine_gradient(dnormal, frames, mean, rstd, types=_types(frames)),
            flat.mT @ _rows(normal), sum_rows(flat),
            (wide.mT @ _rows(t)).view(qv.shape), sum_rows(wide).unflatten(-1, (FRAMES, -1)),
            dkeys.mT @ (t[..., 0, :, :] - t[..., 1, :, :]),
            wide_dadded.mT @ _rows(mixed), sum_rows(wide_dadded),
        )  # fmt: skip


def _types(frames: Tensor) -> int:
    """T of (T, 2, R, c); 1 of (2, R, c)."""
    return 1 if frames.dim() == 3 else len(frames)


def _rows(frames: Tensor) -> Tensor:
    """([T,] 2, R, c) as ([T,] 2 R, c)."""
    return frames.flatten(-3, -2)


def _frames(rows: Tensor, like: Tensor) -> Tensor:
    """([T,] 2 R, c) as ([T,] 2, R, c)."""
    return rows.view(*like.shape[:-1], rows.shape[-1])


def _sum_dtype(x: Tensor) -> torch.dtype:
    """Precision for a sum over everything."""
    return torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else x.dtype
