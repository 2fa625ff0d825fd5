# Triton reads its kernels' annotations as its own: only `tl.constexpr` may stand there.
# ruff: noqa: ANN001, ANN202
# mypy: disable-error-code="no-untyped-def,no-untyped-call,untyped-decorator,misc"
"""Attention in float32 for narrow heads, as Triton kernels: Stable Diffusion's heads of width 40.

PyTorch's float32 kernel pads such heads to 64. These split the width into 32 and 16. Products are sums of three TF32
products (`tf32x3`), as in PyTorch's kernel, whose result they match or better in accuracy.

Tried instead (H200, a layer of 64 x 64 positions, ms forward / backward): that kernel, 6.06 / 14.67, and blocks of
64 x 64 and 128 x 64, 4.40 / 12.25, against 3.84 / 11.40; one program a block of text keys, which leaves most of the GPU
idle; heads padded to 64 by the caller, slower or equal for each of PyTorch's kernels.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional as F

from .availability import INTERPRETED, tl, triton, usable

#: Widths of the two parts of a head.
FIRST, SECOND = 32, 16
#: Attention over fewer pairs of query and key in a head is left to PyTorch: launching costs more than it gains.
LEAST_PAIRS = 512 * 512
#: Tokens in a block that stays, and in one that passes by; by measurement, see benchmarks/trainer/RESULTS.md.
STAYING, PASSING = 128, 32
#: Enough programs to occupy a GPU, and the fewest queries that one of them is started for.
PROGRAMS, LEAST_SHARE = 512, 256
OPTIONS = {"num_warps": 4, "num_stages": 1}
PRECISION = "ieee" if INTERPRETED else "tf32x3"
LOG2_E = 1.4426950408889634


def suits(query: Tensor, key: Tensor) -> bool:
    """Whether the kernels are made for attention over (rows, heads, tokens, width)."""
    width = query.shape[-1]
    return (
        query.dtype == torch.float32
        and FIRST < width <= FIRST + SECOND
        and query.shape[2] * key.shape[2] >= LEAST_PAIRS
        and not (query.is_cuda and torch.cuda.get_device_capability(query.device)[0] < 8)
        and usable(query)
        and (INTERPRETED or _works())
    )


@functools.cache
def _works() -> bool:
    """Whether these kernels compile, fit on this GPU and give the right numbers: old Tritons have no `tf32x3`."""
    try:
        # Sizes of the kinds that training has (self-attention, text), so that nothing is compiled twice.
        return all(_agrees("cuda", count=512, keys=keys) for keys in (512, 77))
    except Exception:  # compilers, drivers and GPUs fail in many ways; PyTorch's kernel is always there
        return False


def _agrees(device: str, count: int, keys: int) -> bool:
    """Whether result and gradients are PyTorch's, for random (1, 8, count, 40) and (1, 8, keys, 40)."""
    inputs = [torch.randn(1, n, 8, 40, device=device).transpose(1, 2).requires_grad_() for n in (count, keys, keys)]
    # Gradient checkpointing around the first use must not take what is kept here for what the layer keeps.
    with torch.enable_grad(), saved_tensors_hooks(_same, _same):
        results = attention(*inputs), F.scaled_dot_product_attention(*inputs)
        own, reference = (torch.autograd.grad(result.square().sum(), inputs) for result in results)
    pairs = zip((results[0], *own), (results[1], *reference), strict=True)
    return all(torch.allclose(a, b, atol=1e-4, rtol=1e-3) for a, b in pairs)


def _same(x: Tensor) -> Tensor:
    return x


def attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(d)) v over (rows, heads, tokens, d), differentiable; `suits` must hold."""
    result: Tensor = _Attention.apply(query, key, value)
    return result


def fused_or_sdpa(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """These kernels where they suit, else PyTorch's own fused attention."""
    if suits(query, key):
        return attention(query, key, value)
    return F.scaled_dot_product_attention(query, key, value)


class _Attention(torch.autograd.Function):
    """Keeps inputs, result and the logarithms of the sums."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        query, key, value = (_dense(t) for t in (query, key, value))
        rows, heads, count, width = query.shape
        out = _like(query)
        log_sums = torch.empty(rows * heads, count, device=query.device, dtype=torch.float32)
        _forward[(triton.cdiv(count, STAYING), rows * heads)](
            query, key, value, out, log_sums, *_steps(query), *_steps(key), *_steps(value), *_steps(out),
            heads, count, key.shape[2], width, LOG2_E / math.sqrt(width), STAYING, PASSING, FIRST, SECOND, PRECISION,
            **OPTIONS,
        )  # fmt: skip
        ctx.save_for_backward(query, key, value, out, log_sums)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        query, key, value, out, log_sums = ctx.saved_tensors
        gradient = _dense(gradient)
        rows, heads, count, width = query.shape
        inner = torch.empty_like(log_sums)
        dquery = _like(query)
        blocks = triton.cdiv(key.shape[2], STAYING)
        shares, share = _shares(count, rows * heads * blocks)
        dkeys, dvalues = (t.new_empty(shares, rows, t.shape[2], heads, width).transpose(2, 3) for t in (key, value))
        steps = (*_steps(query), *_steps(key), *_steps(value), *_steps(gradient))
        same = (heads, count, key.shape[2], width, LOG2_E / math.sqrt(width), 1 / math.sqrt(width))
        sizes = (FIRST, SECOND, PRECISION)
        inputs = (query, key, value, gradient, log_sums, inner)
        _backward_query[(triton.cdiv(count, STAYING), rows * heads)](
            *inputs, out, dquery, *steps, *_steps(out), *_steps(dquery), *same, STAYING, PASSING, *sizes, **OPTIONS
        )
        _backward_key[(blocks, rows * heads, shares)](
            *inputs, dkeys, dvalues, *steps, *dkeys.stride()[:4], *same, share, PASSING, STAYING, *sizes, **OPTIONS
        )
        if shares == 1:
            return dquery, dkeys[0], dvalues[0]
        return dquery, dkeys.sum(0), dvalues.sum(0)


def _dense(x: Tensor) -> Tensor:
    """`x` with its last dimension contiguous."""
    return x if x.stride(-1) == 1 else x.contiguous()


def _like(x: Tensor) -> Tensor:
    """(rows, heads, tokens, d) in the memory order rows, tokens, heads, d."""
    rows, heads, count, width = x.shape
    return x.new_empty(rows, count, heads, width).transpose(1, 2)


def _shares(count: int, programs: int) -> tuple[int, int]:
    """Into how many shares the queries are split for a sum over them, and the queries in each.

    A text has too few keys to occupy a GPU when each block of them has one program that goes through all queries.

    Args:
        count: queries.
        programs: programs for each share.
    """
    shares = max(1, min(count // LEAST_SHARE, PROGRAMS // programs))
    share = -(-count // (shares * PASSING)) * PASSING
    return -(-count // share), share


def _steps(x: Tensor) -> tuple[int, ...]:
    """Strides of rows, heads and tokens."""
    return x.stride()[:3]


if triton is not None:

    @triton.jit
    def _read(x, rows, exists, step, width, FIRST: tl.constexpr, SECOND: tl.constexpr):
        """The two parts of some tokens' vectors."""
        a, b = tl.arange(0, FIRST), FIRST + tl.arange(0, SECOND)
        first = tl.load(x + rows[:, None] * step + a[None, :], mask=exists[:, None], other=0.0)
        inside = exists[:, None] & (b < width)[None, :]
        return first, tl.load(x + rows[:, None] * step + b[None, :], mask=inside, other=0.0)

    @triton.jit
    def _write(x, first, second, rows, exists, step, width, FIRST: tl.constexpr, SECOND: tl.constexpr):
        a, b = tl.arange(0, FIRST), FIRST + tl.arange(0, SECOND)
        tl.store(x + rows[:, None] * step + a[None, :], first, mask=exists[:, None])
        tl.store(x + rows[:, None] * step + b[None, :], second, mask=exists[:, None] & (b < width)[None, :])

    @triton.jit
    def _products(a0, a1, b0, b1, P: tl.constexpr):
        """Inner products of the vectors in a with those in b."""
        return tl.dot(a1, tl.trans(b1), tl.dot(a0, tl.trans(b0), input_precision=P), input_precision=P)

    @triton.jit
    def _forward(
        q, k, v, out, log_sums, qb, qh, qn, kb, kh, kn, vb, vh, vn, ob, oh, on, heads, count, keys, width, scale,
        QUERIES: tl.constexpr, KEYS: tl.constexpr, FIRST: tl.constexpr, SECOND: tl.constexpr, P: tl.constexpr,
    ):  # fmt: skip
        pair = tl.program_id(1)
        b, h = (pair // heads).to(tl.int64), pair % heads
        rows = tl.program_id(0) * QUERIES + tl.arange(0, QUERIES)
        q0, q1 = _read(q + b * qb + h * qh, rows, rows < count, qn, width, FIRST, SECOND)
        q0, q1 = q0 * scale, q1 * scale
        top = tl.full((QUERIES,), -float("inf"), tl.float32)
        total = tl.zeros((QUERIES,), tl.float32)
        out0, out1 = tl.zeros((QUERIES, FIRST), tl.float32), tl.zeros((QUERIES, SECOND), tl.float32)
        for start in range(0, keys, KEYS):
            at = start + tl.arange(0, KEYS)
            k0, k1 = _read(k + b * kb + h * kh, at, at < keys, kn, width, FIRST, SECOND)
            score = tl.where((at < keys)[None, :], _products(q0, q1, k0, k1, P), -float("inf"))
            higher = tl.maximum(top, tl.max(score, axis=1))
            weight, fading = tl.exp2(score - higher[:, None]), tl.exp2(top - higher)
            v0, v1 = _read(v + b * vb + h * vh, at, at < keys, vn, width, FIRST, SECOND)
            total = total * fading + tl.sum(weight, axis=1)
            out0 = tl.dot(weight, v0, out0 * fading[:, None], input_precision=P)
            out1 = tl.dot(weight, v1, out1 * fading[:, None], input_precision=P)
            top = higher
        out0, out1 = out0 / total[:, None], out1 / total[:, None]
        _write(out + b * ob + h * oh, out0, out1, rows, rows < count, on, width, FIRST, SECOND)
        tl.store(log_sums + pair.to(tl.int64) * count + rows, top + tl.log2(total), mask=rows < count)

    @triton.jit
    def _backward_query(
        q, k, v, g, log_sums, inner, out, dq, qb, qh, qn, kb, kh, kn, vb, vh, vn, gb, gh, gn, ob, oh, on, db, dh, dn,
        heads, count, keys, width, scale, factor,
        QUERIES: tl.constexpr, KEYS: tl.constexpr, FIRST: tl.constexpr, SECOND: tl.constexpr, P: tl.constexpr,
    ):  # fmt: skip
        pair = tl.program_id(1)
        b, h = (pair // heads).to(tl.int64), pair % heads
        rows = tl.program_id(0) * QUERIES + tl.arange(0, QUERIES)
        exists = rows < count
        q0, q1 = _read(q + b * qb + h * qh, rows, exists, qn, width, FIRST, SECOND)
        q0, q1 = q0 * scale, q1 * scale
        g0, g1 = _read(g + b * gb + h * gh, rows, exists, gn, width, FIRST, SECOND)
        base = pair.to(tl.int64) * count + rows
        log_sum = tl.load(log_sums + base, mask=exists, other=0.0)
        # The weights' mean gradient, which `_backward_key` needs too.
        out0, out1 = _read(out + b * ob + h * oh, rows, exists, on, width, FIRST, SECOND)
        mean = tl.sum(g0 * out0, axis=1) + tl.sum(g1 * out1, axis=1)
        tl.store(inner + base, mean, mask=exists)
        dq0, dq1 = tl.zeros((QUERIES, FIRST), tl.float32), tl.zeros((QUERIES, SECOND), tl.float32)
        for start in range(0, keys, KEYS):
            at = start + tl.arange(0, KEYS)
            k0, k1 = _read(k + b * kb + h * kh, at, at < keys, kn, width, FIRST, SECOND)
            v0, v1 = _read(v + b * vb + h * vh, at, at < keys, vn, width, FIRST, SECOND)
            weight = tl.exp2(_products(q0, q1, k0, k1, P) - log_sum[:, None])
            dscore = weight * (_products(g0, g1, v0, v1, P) - mean[:, None])
            # Keys that do not exist are zeros and add nothing.
            dq0 = tl.dot(dscore, k0, dq0, input_precision=P)
            dq1 = tl.dot(dscore, k1, dq1, input_precision=P)
        _write(dq + b * db + h * dh, dq0 * factor, dq1 * factor, rows, exists, dn, width, FIRST, SECOND)

    @triton.jit
    def _backward_key(
        q, k, v, g, log_sums, inner, dk, dv, qb, qh, qn, kb, kh, kn, vb, vh, vn, gb, gh, gn, ds, db, dh, dn,
        heads, count, keys, width, scale, factor, share,
        QUERIES: tl.constexpr, KEYS: tl.constexpr, FIRST: tl.constexpr, SECOND: tl.constexpr, P: tl.constexpr,
    ):  # fmt: skip
        pair = tl.program_id(1)
        b, h = (pair // heads).to(tl.int64), pair % heads
        at = tl.program_id(0) * KEYS + tl.arange(0, KEYS)
        exists = at < keys
        k0, k1 = _read(k + b * kb + h * kh, at, exists, kn, width, FIRST, SECOND)
        k0, k1 = k0 * scale, k1 * scale
        v0, v1 = _read(v + b * vb + h * vh, at, exists, vn, width, FIRST, SECOND)
        dk0, dk1 = tl.zeros((KEYS, FIRST), tl.float32), tl.zeros((KEYS, SECOND), tl.float32)
        dv0, dv1 = tl.zeros((KEYS, FIRST), tl.float32), tl.zeros((KEYS, SECOND), tl.float32)
        first = tl.program_id(2) * share
        for start in range(0, share, QUERIES):
            rows = first + start + tl.arange(0, QUERIES)
            inside = rows < count
            q0, q1 = _read(q + b * qb + h * qh, rows, inside, qn, width, FIRST, SECOND)
            g0, g1 = _read(g + b * gb + h * gh, rows, inside, gn, width, FIRST, SECOND)
            base = pair.to(tl.int64) * count + rows
            log_sum = tl.load(log_sums + base, mask=inside, other=0.0)
            mean = tl.load(inner + base, mask=inside, other=0.0)
            # Queries that do not exist have no gradient: theirs are zeros.
            weight = tl.exp2(_products(k0, k1, q0, q1, P) - log_sum[None, :])
            dv0 = tl.dot(weight, g0, dv0, input_precision=P)
            dv1 = tl.dot(weight, g1, dv1, input_precision=P)
            dscore = weight * (_products(v0, v1, g0, g1, P) - mean[None, :])
            dk0 = tl.dot(dscore, q0, dk0, input_precision=P)
            dk1 = tl.dot(dscore, q1, dk1, input_precision=P)
        past = tl.program_id(2).to(tl.int64) * ds
        _write(dk + past + b * db + h * dh, dk0 * factor, dk1 * factor, at, exists, dn, width, FIRST, SECOND)
        _write(dv + past + b * db + h * dh, dv0, dv1, at, exists, dn, width, FIRST, SECOND)
