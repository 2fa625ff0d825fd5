# Triton reads its kernels' annotations as its own: only `tl.constexpr` may stand there.
# ruff: noqa: ANN001, ANN202
# mypy: disable-error-code="no-untyped-def,no-untyped-call,untyped-decorator,misc"
"""Layer norm with a sum before it, its gradient with a sum after it, and sums over rows, as single kernels.

PyTorch's kernels for these reach a fifth of the memory's speed at Stable Diffusion's widths (320 to 1280) and
leave the sums to kernels of their own. Each has a form in PyTorch's operations, which the CPU and systems without
Triton use.

Tried instead: PyTorch's own, under which a bf16 step on an H200 was 57.0 ms in 5215 kernels; with these, and gradients
of convolutions as transposed convolutions, it was 52.0 in 5155.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .availability import tl, triton, usable

#: Numbers of one program's tile in the norms; rows and columns of one in the sums.
TILE, SUM_ROWS, SUM_COLS = 2048, 32, 64
#: Most partial results of one sum over rows.
PARTS = 128


def norm(
    x: Tensor, added: Tensor | None, weight: Tensor, bias: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Layer norm of `x + added` over the last dimension.

    Args:
        x: (..., c), contiguous.
        added: of the same shape, or None.
        weight, bias: (c,), or (T, c): of each of T equal shares of the rows.
        eps: added to the variance.

    Returns:
        The sum (`x` itself without `added`), the normalised sum, its means and its reciprocal deviations (..., 1).
    """
    width = x.shape[-1]
    if not usable(x):
        total = x if added is None else x + added
        if weight.dim() == 1:
            return total, *torch.ops.aten.native_layer_norm(total, [width], weight, bias, eps)
        normal, mean, rstd = torch.ops.aten.native_layer_norm(total, [width], None, None, eps)
        return total, torch.addcmul(_spread(bias, x), normal, _spread(weight, x)), mean, rstd
    added = x if added is None else added.contiguous()
    total = x if added is x else torch.empty_like(x)
    normal = torch.empty_like(x)
    mean = torch.empty(*x.shape[:-1], 1, device=x.device, dtype=torch.float32)
    rstd = torch.empty_like(mean)
    types = weight.numel() // width
    count = x.numel() // width // types
    rows, cols = _tile(width)
    _norm[(triton.cdiv(count, rows), types)](
        x, added, weight, bias, total, normal, mean, rstd, count, width, _step(weight), _step(bias), eps,
        added is not x, rows, cols,
    )  # fmt: skip
    return total, normal, mean, rstd


def norm_backward(
    dy: Tensor, x: Tensor, mean: Tensor, rstd: Tensor, weight: Tensor, *, passing: Tensor | None, out: Tensor | None
) -> Tensor:
    """Gradient of layer norm's input, plus `passing`.

    Args:
        dy: (..., c), gradient of the result.
        x: the input, contiguous.
        mean, rstd: (..., 1), of `norm`.
        weight: (c,), or (T, c).
        passing: (..., c), a gradient of `x` that does not go through the norm, or None.
        out: where to write it, or None; the T shares may lie apart.
    """
    width = x.shape[-1]
    if not usable(x):
        if weight.dim() == 2:
            dy, weight = dy * _spread(weight, x), torch.ones_like(weight[0])
        bias = torch.zeros_like(weight)
        dx = torch.ops.aten.native_layer_norm_backward(
            dy, x, [width], mean, rstd, weight, bias, [True, False, False]
        )[0]  # fmt: skip
        dx = dx if passing is None else dx + passing
        return dx if out is None else out.copy_(dx)
    out = torch.empty_like(x) if out is None else out
    dy, passing = dy.contiguous(), None if passing is None else passing.contiguous()
    types = weight.numel() // width
    count = x.numel() // width // types
    rows, cols = _tile(width)
    _norm_backward[(triton.cdiv(count, rows), types)](
        dy, x, mean, rstd, weight, dy if passing is None else passing, out, count, width, _step(weight),
        0 if types == 1 else out.stride(0), passing is not None, rows, cols,
    )  # fmt: skip
    return out


def _step(values: Tensor) -> int:
    """Numbers from one type's values (T, c) to the next's; of one type's (c,) none."""
    return values.stride(0) if values.dim() == 2 else 0


def _spread(values: Tensor, x: Tensor) -> Tensor:
    """(T, c) as it multiplies (T, ..., c)."""
    return values.view(len(values), *[1] * (x.dim() - 2), -1)


def affine_gradient(dy: Tensor, x: Tensor, mean: Tensor, rstd: Tensor, *, types: int = 1) -> tuple[Tensor, Tensor]:
    """Gradients of layer norm's weight and bias, (c,) each; (T, c) where there are `types`.

    Args:
        dy: (..., c), gradient of the result.
        x: (..., c), the input, contiguous.
        mean, rstd: (..., 1), of `norm`.
    """
    if usable(x):
        return _sums(dy.contiguous(), x, mean, rstd, types)
    shape = (-1, x.shape[-1]) if types == 1 else (types, -1, x.shape[-1])
    dy, normal = dy.reshape(shape), ((x - mean) * rstd).view(shape)
    return (dy * normal).sum(-2).to(dy.dtype), dy.sum(-2)


def sum_rows(x: Tensor) -> Tensor:
    """Sum of (M, c), or each of (T, M, c), over its rows: a bias' gradient."""
    if usable(x):
        return _sums(x.contiguous(), None, None, None, 1 if x.dim() == 2 else len(x))[1]
    return x.sum(-2)


def _sums(dy: Tensor, x: Tensor | None, mean: Tensor | None, rstd: Tensor | None, types: int) -> tuple[Tensor, Tensor]:
    """Sums over the rows of `dy` times the normalised `x`, where there is one, and of `dy`."""
    width = dy.shape[-1]
    count = dy.numel() // width // types
    parts, tiles = min(PARTS, triton.cdiv(count, SUM_ROWS)), triton.cdiv(width, SUM_COLS)
    partial = torch.empty(types, parts, 2, width, device=dy.device, dtype=torch.float32)
    out = dy.new_empty(types, 2, width)
    # Without an input, the others stand in: the kernel does not read them.
    inputs = (dy, dy, dy) if x is None else (x, mean, rstd)
    _partial_sums[(parts, tiles, types)](dy, *inputs, partial, count, width, x is not None, SUM_ROWS, SUM_COLS)
    _add_parts[(triton.cdiv(2 * width, SUM_COLS), types)](
        partial, out, parts, 2 * width, triton.next_power_of_2(parts), SUM_COLS
    )
    return (out[0, 0], out[0, 1]) if types == 1 else (out[:, 0], out[:, 1])


def _tile(width: int) -> tuple[int, int]:
    """Rows and columns of one program's tile: whole rows."""
    cols = triton.next_power_of_2(width)
    return max(1, TILE // cols), cols


def add_norm(x: Tensor, added: Tensor | None, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """`x + added` and its layer norm with frozen weight and bias, differentiable; arguments as in `norm`.

    The sum's gradient and the norm's are added by the kernel that computes the latter.
    """
    return _AddNorm.apply(x, added, weight, bias, eps)


class _AddNorm(torch.autograd.Function):
    """`add_norm`; keeps the sum."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, added: Tensor | None, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor]:
        total, normal, mean, rstd = norm(x, added, weight, bias, eps)
        ctx.save_for_backward(total, mean, rstd, weight)
        ctx.sum = added is not None
        return total, normal

    @staticmethod
    def backward(ctx: Any, dtotal: Tensor, dnormal: Tensor) -> tuple[Tensor | None, ...]:
        total, mean, rstd, weight = ctx.saved_tensors
        dx = norm_backward(dnormal, total, mean, rstd, weight, passing=dtotal, out=None)
        return dx, dx if ctx.sum else None, None, None, None


if triton is not None:

    @triton.jit
    def _norm(
        x, added, weight, bias, total, normal, mean, rstd, count, width, weight_step, bias_step, eps,
        ADD: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr,
    ):  # fmt: skip
        rows, cols = tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.arange(0, COLS)
        kind = tl.program_id(1).to(tl.int64)
        inside = (rows < count)[:, None] & (cols < width)[None, :]
        place = kind * count + rows
        at = place[:, None] * width + cols[None, :]
        value = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
        if ADD:
            value += tl.load(added + at, mask=inside, other=0.0).to(tl.float32)
            # What follows sees the sum as it is kept.
            value = value.to(total.dtype.element_ty).to(tl.float32)
            tl.store(total + at, value.to(total.dtype.element_ty), mask=inside)
        middle = tl.sum(value, axis=1) / width
        apart = tl.where(inside, value - middle[:, None], 0.0)
        scale = 1.0 / tl.sqrt(tl.sum(apart * apart, axis=1) / width + eps)
        factor = tl.load(weight + kind * weight_step + cols, mask=cols < width, other=0.0).to(tl.float32)
        offset = tl.load(bias + kind * bias_step + cols, mask=cols < width, other=0.0).to(tl.float32)
        result = apart * scale[:, None] * factor[None, :] + offset[None, :]
        tl.store(normal + at, result.to(normal.dtype.element_ty), mask=inside)
        tl.store(mean + place, middle, mask=rows < count)
        tl.store(rstd + place, scale, mask=rows < count)

    @triton.jit
    def _norm_backward(
        dy, x, mean, rstd, weight, passing, dx, count, width, weight_step, step,
        PASS: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr,
    ):  # fmt: skip
        rows, cols = tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.arange(0, COLS)
        kind = tl.program_id(1).to(tl.int64)
        inside = (rows < count)[:, None] & (cols < width)[None, :]
        place = kind * count + rows
        at = place[:, None] * width + cols[None, :]
        scale = tl.load(rstd + place, mask=rows < count, other=0.0)[:, None]
        middle = tl.load(mean + place, mask=rows < count, other=0.0)[:, None]
        factor = tl.load(weight + kind * weight_step + cols, mask=cols < width, other=0.0).to(tl.float32)
        gradient = tl.load(dy + at, mask=inside, other=0.0).to(tl.float32) * factor[None, :]
        value = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
        normal = tl.where(inside, (value - middle) * scale, 0.0)
        first = tl.sum(gradient, axis=1)[:, None] / width
        second = tl.sum(gradient * normal, axis=1)[:, None] / width
        result = scale * (gradient - first - normal * second)
        if PASS:
            result += tl.load(passing + at, mask=inside, other=0.0).to(tl.float32)
        into = kind * step + rows.to(tl.int64)[:, None] * width + cols[None, :]
        tl.store(dx + into, result.to(dx.dtype.element_ty), mask=inside)

    @triton.jit
    def _partial_sums(
        dy, x, mean, rstd, partial, count, width, NORM: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr
    ):  # fmt: skip
        part, cols = tl.program_id(0), tl.program_id(1) * COLS + tl.arange(0, COLS)
        kind = tl.program_id(2).to(tl.int64)
        plain = tl.zeros((ROWS, COLS), dtype=tl.float32)
        scaled = tl.zeros((ROWS, COLS), dtype=tl.float32)
        for start in range(part * ROWS, count, tl.num_programs(0) * ROWS):
            rows = start + tl.arange(0, ROWS)
            inside = (rows < count)[:, None] & (cols < width)[None, :]
            place = kind * count + rows
            at = place[:, None] * width + cols[None, :]
            gradient = tl.load(dy + at, mask=inside, other=0.0).to(tl.float32)
            plain += gradient
            if NORM:
                middle = tl.load(mean + place, mask=rows < count, other=0.0)[:, None]
                scale = tl.load(rstd + place, mask=rows < count, other=0.0)[:, None]
                value = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
                scaled += gradient * (value - middle) * scale
        out = partial + (kind * tl.num_programs(0) + part) * 2 * width + cols
        tl.store(out, tl.sum(scaled, axis=0), mask=cols < width)
        tl.store(out + width, tl.sum(plain, axis=0), mask=cols < width)

    @triton.jit
    def _add_parts(partial, out, parts, width, PARTS: tl.constexpr, COLS: tl.constexpr):
        rows, cols = tl.arange(0, PARTS), tl.program_id(0) * COLS + tl.arange(0, COLS)
        kind = tl.program_id(1)
        partial, out = partial + kind * parts * width, out + kind * width
        inside = (rows < parts)[:, None] & (cols < width)[None, :]
        values = tl.load(partial + rows[:, None] * width + cols[None, :], mask=inside, other=0.0)
        tl.store(out + cols, tl.sum(values, axis=0).to(out.dtype.element_ty), mask=cols < width)
