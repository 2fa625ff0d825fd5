# Triton reads its kernels' annotations as its own: only `tl.constexpr` may stand there.
# ruff: noqa: ANN001, ANN202
# mypy: disable-error-code="no-untyped-def,no-untyped-call,untyped-decorator,misc"
"""Two gates as single kernels, forward and backward: the feed-forward's GEGLU, and the mixture of two frames.

Each has a form in PyTorch's own operations, which the CPU and systems without Triton use.

Tried instead: that form compiled, block by block, by `torch.compile`, which on an H200 took 136 s before the first step
and 65.2 ms a step, when the layers around had no kernels yet; with them a step took 57.6.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .availability import tl, triton, usable

#: Numbers of one program in the GEGLU kernels.
BLOCK = 1024


def geglu_plain(proj: Tensor) -> Tensor:
    """`geglu` in PyTorch's operations."""
    hidden, gate = proj.chunk(2, dim=-1)
    return hidden * F.gelu(gate)


def geglu(proj: Tensor) -> Tensor:
    """First half of `proj` (M, 2d), contiguous, times gelu of its second half: (M, d)."""
    if not usable(proj):
        return geglu_plain(proj)
    rows, half = proj.shape[0], proj.shape[1] // 2
    out = proj.new_empty(rows, half)
    _geglu[(triton.cdiv(rows * half, BLOCK),)](proj, out, rows * half, half, BLOCK)
    return out


def geglu_backward(gradient: Tensor, proj: Tensor) -> Tensor:
    """Gradient of `proj` (M, 2d) from that of the result (M, d)."""
    half = proj.shape[1] // 2
    if usable(proj):
        out = torch.empty_like(proj)
        count = gradient.numel()
        _geglu_backward[(triton.cdiv(count, BLOCK),)](gradient.contiguous(), proj, out, count, half, BLOCK)
        return out
    hidden, gate = proj.chunk(2, dim=-1)
    return torch.cat([gradient * F.gelu(gate), torch.ops.aten.gelu_backward(gradient * hidden, gate)], dim=-1)


def mix_frames(qv: Tensor, key: Tensor) -> Tensor:
    """Each frame's attention over the two frames at the same position.

    Args:
        qv: (2, R, 2c), both frames' queries and values at R positions, contiguous; or (T, 2, R, 2c).
        key: (R, c), difference of the frames' keys, contiguous; or (T, R, c).

    Returns:
        (2, R, c), or (T, 2, R, c): v_1 + sigmoid(q . key / sqrt(c)) (v_0 - v_1).
    """
    if usable(qv):
        rows, width = key.shape[-2:]
        out = qv.new_empty(*qv.shape[:-1], width)
        scale = 1 / math.sqrt(width)
        _mix[(rows, _types(key))](qv, key, out, rows, width, scale, triton.next_power_of_2(width))
        return out
    query, value = qv.chunk(2, dim=-1)
    score = (query * key.unsqueeze(-3)).sum(-1, keepdim=True) / math.sqrt(key.shape[-1])
    return torch.lerp(value[..., 1:, :, :], value[..., :1, :, :], score.sigmoid())


def _types(key: Tensor) -> int:
    """T of (T, R, c); 1 of (R, c)."""
    return 1 if key.dim() == 2 else len(key)


def mix_frames_backward(gradient: Tensor, qv: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of `qv` and `key` from that of the result (2, R, c), or of T of them."""
    rows, width = key.shape[-2:]
    if usable(qv):
        dqv, dkey = torch.empty_like(qv), torch.empty_like(key)
        scale = 1 / math.sqrt(width)
        _mix_backward[(rows, _types(key))](
            gradient.contiguous(), qv, key, dqv, dkey, rows, width, scale, triton.next_power_of_2(width)
        )
        return dqv, dkey
    query, value = qv.chunk(2, dim=-1)
    key = key.unsqueeze(-3)
    gate = ((query * key).sum(-1, keepdim=True) / math.sqrt(width)).sigmoid()
    dgate = (gradient * (value[..., :1, :, :] - value[..., 1:, :, :])).sum(-1, keepdim=True)
    dscore = dgate * gate * (1 - gate) / math.sqrt(width)
    kept = gradient * gate
    dqv = torch.empty_like(qv)
    torch.mul(dscore, key, out=dqv[..., :width])
    dqv[..., 0, :, width:] = kept.sum(-3)
    dqv[..., 1, :, width:] = (gradient - kept).sum(-3)
    return dqv, (dscore * query).sum(-3)


if triton is not None:

    @triton.jit
    def _geglu(proj, out, count, half, BLOCK: tl.constexpr):
        at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        inside = at < count
        source = proj + (at // half).to(tl.int64) * 2 * half + at % half
        hidden = tl.load(source, mask=inside, other=0.0).to(tl.float32)
        gate = tl.load(source + half, mask=inside, other=0.0).to(tl.float32)
        normal = 0.5 * (1.0 + tl.math.erf(gate * 0.7071067811865476))
        tl.store(out + at, (hidden * gate * normal).to(out.dtype.element_ty), mask=inside)

    @triton.jit
    def _geglu_backward(gradient, proj, out, count, half, BLOCK: tl.constexpr):
        at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        inside = at < count
        place = (at // half).to(tl.int64) * 2 * half + at % half
        hidden = tl.load(proj + place, mask=inside, other=0.0).to(tl.float32)
        gate = tl.load(proj + place + half, mask=inside, other=0.0).to(tl.float32)
        dy = tl.load(gradient + at, mask=inside, other=0.0).to(tl.float32)
        normal = 0.5 * (1.0 + tl.math.erf(gate * 0.7071067811865476))
        slope = normal + gate * tl.exp(-0.5 * gate * gate) * 0.3989422804014327
        tl.store(out + place, (dy * gate * normal).to(out.dtype.element_ty), mask=inside)
        tl.store(out + place + half, (dy * hidden * slope).to(out.dtype.element_ty), mask=inside)

    @triton.jit
    def _row(qv, key, r, rows, width, WIDTH: tl.constexpr):
        """One position's queries, values and key difference."""
        c = tl.arange(0, WIDTH)
        inside = c < width
        first = qv + r.to(tl.int64) * 2 * width + c
        second = qv + (r + rows).to(tl.int64) * 2 * width + c
        q0 = tl.load(first, mask=inside, other=0.0).to(tl.float32)
        q1 = tl.load(second, mask=inside, other=0.0).to(tl.float32)
        v0 = tl.load(first + width, mask=inside, other=0.0).to(tl.float32)
        v1 = tl.load(second + width, mask=inside, other=0.0).to(tl.float32)
        k = tl.load(key + r.to(tl.int64) * width + c, mask=inside, other=0.0).to(tl.float32)
        return q0, q1, v0, v1, k, c, inside

    @triton.jit
    def _mix(qv, key, out, rows, width, scale, WIDTH: tl.constexpr):
        r, past = tl.program_id(0), tl.program_id(1).to(tl.int64) * rows * width
        qv, key, out = qv + 4 * past, key + past, out + 2 * past
        q0, q1, v0, v1, k, c, inside = _row(qv, key, r, rows, width, WIDTH)
        g0 = tl.sigmoid(tl.sum(q0 * k, axis=0) * scale)
        g1 = tl.sigmoid(tl.sum(q1 * k, axis=0) * scale)
        place = out + r.to(tl.int64) * width + c
        tl.store(place, (v1 + g0 * (v0 - v1)).to(out.dtype.element_ty), mask=inside)
        tl.store(out + (r + rows).to(tl.int64) * width + c, (v1 + g1 * (v0 - v1)).to(out.dtype.element_ty), mask=inside)

    @triton.jit
    def _mix_backward(gradient, qv, key, dqv, dkey, rows, width, scale, WIDTH: tl.constexpr):
        r, past = tl.program_id(0), tl.program_id(1).to(tl.int64) * rows * width
        qv, key, gradient = qv + 4 * past, key + past, gradient + 2 * past
        dqv, dkey = dqv + 4 * past, dkey + past
        q0, q1, v0, v1, k, c, inside = _row(qv, key, r, rows, width, WIDTH)
        g0 = tl.sigmoid(tl.sum(q0 * k, axis=0) * scale)
        g1 = tl.sigmoid(tl.sum(q1 * k, axis=0) * scale)
        place = gradient + r.to(tl.int64) * width + c
        d0 = tl.load(place, mask=inside, other=0.0).to(tl.float32)
        d1 = tl.load(gradient + (r + rows).to(tl.int64) * width + c, mask=inside, other=0.0).to(tl.float32)
        s0 = tl.sum(d0 * (v0 - v1), axis=0) * g0 * (1.0 - g0) * scale
        s1 = tl.sum(d1 * (v0 - v1), axis=0) * g1 * (1.0 - g1) * scale
        first = dqv + r.to(tl.int64) * 2 * width + c
        second = dqv + (r + rows).to(tl.int64) * 2 * width + c
        kind = dqv.dtype.element_ty
        tl.store(first, (s0 * k).to(kind), mask=inside)
        tl.store(second, (s1 * k).to(kind), mask=inside)
        tl.store(first + width, (g0 * d0 + g1 * d1).to(kind), mask=inside)
        tl.store(second + width, ((1.0 - g0) * d0 + (1.0 - g1) * d1).to(kind), mask=inside)
        tl.store(dkey + r.to(tl.int64) * width + c, (s0 * q0 + s1 * q1).to(kind), mask=inside)
