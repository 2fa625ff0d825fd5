# Triton reads its kernels' annotations as its own: only `tl.constexpr` may stand there.
# ruff: noqa: ANN001, ANN202
# mypy: disable-error-code="no-untyped-def,no-untyped-call,untyped-decorator,misc"
"""Group norm of a channels-last tensor with a shift before and SiLU after it, as one differentiable operation.

PyTorch's group norm on CUDA works on channels-first tensors alone: it copies what it gets and leaves the
convolution that follows to copy it back. The kernels here stay channels-last. Only the input, means and
deviations are kept for the backward pass; the frozen scale and bias get no gradient.

Tried instead: PyTorch's own, under which a bf16 step on an H200 was 81.4 ms in 8042 kernels; with this, the gates'
kernels and the layers written around them it was 56.0 in 5211.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from .availability import tl, triton, usable

#: Rows (positions) and columns (channels) of one program's tile.
ROWS, COLS = 64, 64


def group_norm(
    x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float, *, silu: bool, shift: Tensor | None = None
) -> Tensor:
    """Group norm of `x + shift`, then SiLU if asked for.

    Args:
        x: (N, C, H, W).
        weight, bias: (C,), frozen.
        groups: number of groups.
        eps: added to the variance.
        silu: whether SiLU follows.
        shift: (N, C), added at all positions before; no gradient.
    """
    return _GroupNorm.apply(x, weight, bias, groups, eps, silu, shift)


class _GroupNorm(torch.autograd.Function):
    """Keeps its input, and computes the rest again."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float, silu: bool, shift: Tensor | None
    ) -> Tensor:
        ctx.fused, ctx.options = usable(x), (groups, eps, silu)
        if ctx.fused:
            x = x.contiguous(memory_format=torch.channels_last)
            y, stats = _forward_kernel(x, weight, bias, groups, eps, silu, shift)
            ctx.save_for_backward(x, weight, bias, shift, stats)
            return y
        y, mean, rstd = _plain(x, weight, bias, groups, eps, shift)
        ctx.save_for_backward(x, weight, bias, shift, mean, rstd)
        return F.silu(y) if silu else y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        groups, eps, silu = ctx.options
        if ctx.fused:
            x, weight, bias, shift, stats = ctx.saved_tensors
            dy = dy.contiguous(memory_format=torch.channels_last)
            return _backward_kernel(dy, x, weight, bias, shift, stats, groups, silu), *[None] * 6
        x, weight, bias, shift, mean, rstd = ctx.saved_tensors
        if silu:
            y, _, _ = _plain(x, weight, bias, groups, eps, shift)
            dy = torch.ops.aten.silu_backward(dy, y)
        if shift is not None:
            x = x + shift[:, :, None, None]
        rows, width = x.shape[:2]
        dx = torch.ops.aten.native_group_norm_backward(
            _flat(dy), _flat(x), mean, rstd, weight, rows, width, x[0, 0].numel(), groups,
            [True, False, False],
        )[0]  # fmt: skip
        return dx.view(x.shape), *[None] * 6


def _plain(
    x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float, shift: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Result, means and reciprocal deviations by PyTorch's operation."""
    if shift is not None:
        x = x + shift[:, :, None, None]
    rows, width = x.shape[:2]
    y, mean, rstd = torch.ops.aten.native_group_norm(_flat(x), weight, bias, rows, width, x[0, 0].numel(), groups, eps)
    return y.view(x.shape), mean, rstd


def _flat(x: Tensor) -> Tensor:
    """(N, C, H W), channels first; with one pixel, torch 2.2 cannot tell the layouts of (N, C, 1, 1) apart."""
    return x.contiguous().flatten(2)


def _forward_kernel(
    x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float, silu: bool, shift: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Result, and (N, G, 2) means and reciprocal deviations."""
    rows, width, positions, grid = _sizes(x)
    partial = torch.empty(rows, grid[1], 2, width, device=x.device, dtype=torch.float32)
    stats = torch.empty(rows, groups, 2, device=x.device, dtype=torch.float32)
    y = torch.empty_like(x)
    shifted = shift if shift is not None else x
    _moments[grid](x, shifted, partial, positions, width, shift is not None, ROWS, COLS)
    tile = _tile(grid[1], width, groups)
    _combine[(rows, groups)](partial, stats, positions, width, groups, eps, grid[1], *tile, ROWS)
    _apply[grid](
        x, shifted, weight, bias, stats, y, positions, width, groups, shift is not None, silu, ROWS, COLS
    )  # fmt: skip
    return y, stats


def _backward_kernel(
    dy: Tensor, x: Tensor, weight: Tensor, bias: Tensor, shift: Tensor | None, stats: Tensor, groups: int, silu: bool
) -> Tensor:
    """Gradient of the input."""
    rows, width, positions, grid = _sizes(x)
    partial = torch.empty(rows, grid[1], 2, width, device=x.device, dtype=torch.float32)
    sums = torch.empty_like(stats)
    dx = torch.empty_like(x)
    shifted = shift if shift is not None else x
    same = (positions, width, groups, shift is not None, silu)
    _backward_sums[grid](dy, x, shifted, weight, bias, stats, partial, *same, ROWS, COLS)
    _average[(rows, groups)](partial, sums, positions, width, groups, grid[1], *_tile(grid[1], width, groups))
    _backward_apply[grid](dy, x, shifted, weight, bias, stats, sums, dx, *same, ROWS, COLS)
    return dx


def _sizes(x: Tensor) -> tuple[int, int, int, tuple[int, int, int]]:
    """Rows, width, positions and the grid of tiles."""
    rows, width, positions = x.shape[0], x.shape[1], x.shape[2] * x.shape[3]
    return rows, width, positions, (rows, triton.cdiv(positions, ROWS), triton.cdiv(width, COLS))


def _tile(tiles: int, width: int, groups: int) -> tuple[int, int]:
    """A tile that holds one group's partial results."""
    return triton.next_power_of_2(tiles), triton.next_power_of_2(width // groups)


if triton is not None:

    @triton.jit
    def _load(x, shift, n, r, c, positions, width, SHIFT: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr):
        """A tile of x + shift, its offsets and which of it exists."""
        rows = r * ROWS + tl.arange(0, ROWS)
        cols = c * COLS + tl.arange(0, COLS)
        inside = (rows < positions)[:, None] & (cols < width)[None, :]
        at = (n * positions + rows)[:, None] * width + cols[None, :]
        value = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
        if SHIFT:
            value += tl.load(shift + n * width + cols, mask=cols < width, other=0.0).to(tl.float32)[None, :]
        return value, at, inside, cols

    @triton.jit
    def _moments(x, shift, partial, positions, width, SHIFT: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr):
        """Mean and sum of squared deviations of each channel in a tile."""
        n, r, c = tl.program_id(0), tl.program_id(1), tl.program_id(2)
        value, _, inside, cols = _load(x, shift, n, r, c, positions, width, SHIFT, ROWS, COLS)
        value = tl.where(inside, value, 0.0)
        count = tl.minimum(ROWS, positions - r * ROWS)
        mean = tl.sum(value, axis=0) / count
        apart = tl.where(inside, value - mean[None, :], 0.0)
        out = partial + (n * tl.num_programs(1) + r) * 2 * width + cols
        tl.store(out, mean, mask=cols < width)
        tl.store(out + width, tl.sum(apart * apart, axis=0), mask=cols < width)

    @triton.jit
    def _group(partial, n, g, width, groups, tiles, TILES: tl.constexpr, WIDTH: tl.constexpr):
        """Both partial results of one group, (tiles, channels of the group)."""
        own = width // groups
        t, c = tl.arange(0, TILES), tl.arange(0, WIDTH)
        inside = (t < tiles)[:, None] & (c < own)[None, :]
        at = (n * tiles + t)[:, None] * (2 * width) + (g * own + c)[None, :]
        first = tl.load(partial + at, mask=inside, other=0.0)
        second = tl.load(partial + at + width, mask=inside, other=0.0)
        return first, second, t, inside

    @triton.jit
    def _combine(
        partial, stats, positions, width, groups, eps, tiles, TILES: tl.constexpr, WIDTH: tl.constexpr,
        ROWS: tl.constexpr,
    ):  # fmt: skip
        """Mean and reciprocal deviation of a group from its tiles (Chan, Golub and LeVeque's update)."""
        n, g = tl.program_id(0), tl.program_id(1)
        means, squares, t, inside = _group(partial, n, g, width, groups, tiles, TILES, WIDTH)
        counts = tl.minimum(ROWS, positions - t * ROWS).to(tl.float32)[:, None]
        total = positions * (width // groups)
        mean = tl.sum(tl.sum(tl.where(inside, means * counts, 0.0), axis=1), axis=0) / total
        apart = tl.where(inside, (means - mean) * (means - mean) * counts + squares, 0.0)
        variance = tl.sum(tl.sum(apart, axis=1), axis=0) / total
        out = stats + (n * groups + g) * 2
        tl.store(out, mean)
        tl.store(out + 1, 1.0 / tl.sqrt(variance + eps))

    @triton.jit
    def _average(partial, sums, positions, width, groups, tiles, TILES: tl.constexpr, WIDTH: tl.constexpr):
        """Mean of both sums over a group."""
        n, g = tl.program_id(0), tl.program_id(1)
        first, second, _, _ = _group(partial, n, g, width, groups, tiles, TILES, WIDTH)
        total = positions * (width // groups)
        out = sums + (n * groups + g) * 2
        tl.store(out, tl.sum(tl.sum(first, axis=1), axis=0) / total)
        tl.store(out + 1, tl.sum(tl.sum(second, axis=1), axis=0) / total)

    @triton.jit
    def _normal(value, cols, stats, weight, bias, n, width, groups):
        """Normalised values, and the affine map's result; with each column's reciprocal deviation and scale."""
        exists = cols < width
        at = stats + (n * groups + cols // (width // groups)) * 2
        mean = tl.load(at, mask=exists, other=0.0)
        rstd = tl.load(at + 1, mask=exists, other=0.0)
        scale = tl.load(weight + cols, mask=exists, other=0.0).to(tl.float32)
        offset = tl.load(bias + cols, mask=exists, other=0.0).to(tl.float32)
        normal = (value - mean[None, :]) * rstd[None, :]
        return normal, normal * scale[None, :] + offset[None, :], rstd, scale

    @triton.jit
    def _apply(
        x, shift, weight, bias, stats, y, positions, width, groups,
        SHIFT: tl.constexpr, SILU: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr,
    ):  # fmt: skip
        """The result of a tile."""
        n, r, c = tl.program_id(0), tl.program_id(1), tl.program_id(2)
        value, at, inside, cols = _load(x, shift, n, r, c, positions, width, SHIFT, ROWS, COLS)
        _, z, _, _ = _normal(value, cols, stats, weight, bias, n, width, groups)
        if SILU:
            z = z * tl.sigmoid(z)
        tl.store(y + at, z.to(y.dtype.element_ty), mask=inside)

    @triton.jit
    def _scaled_gradient(dy, at, inside, z, scale, SILU: tl.constexpr):
        """Gradient of the normalised values."""
        gradient = tl.load(dy + at, mask=inside, other=0.0).to(tl.float32)
        if SILU:
            gate = tl.sigmoid(z)
            gradient = gradient * gate * (1.0 + z * (1.0 - gate))
        return gradient * scale[None, :]

    @triton.jit
    def _backward_sums(
        dy, x, shift, weight, bias, stats, partial, positions, width, groups,
        SHIFT: tl.constexpr, SILU: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr,
    ):  # fmt: skip
        """Sums of the gradient, and of its product with the normalised values, of each channel in a tile."""
        n, r, c = tl.program_id(0), tl.program_id(1), tl.program_id(2)
        value, at, inside, cols = _load(x, shift, n, r, c, positions, width, SHIFT, ROWS, COLS)
        normal, z, _, scale = _normal(value, cols, stats, weight, bias, n, width, groups)
        gradient = _scaled_gradient(dy, at, inside, z, scale, SILU)
        out = partial + (n * tl.num_programs(1) + r) * 2 * width + cols
        tl.store(out, tl.sum(gradient, axis=0), mask=cols < width)
        tl.store(out + width, tl.sum(gradient * normal, axis=0), mask=cols < width)

    @triton.jit
    def _backward_apply(
        dy, x, shift, weight, bias, stats, sums, dx, positions, width, groups,
        SHIFT: tl.constexpr, SILU: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr,
    ):  # fmt: skip
        """Gradient of the input in a tile."""
        n, r, c = tl.program_id(0), tl.program_id(1), tl.program_id(2)
        value, at, inside, cols = _load(x, shift, n, r, c, positions, width, SHIFT, ROWS, COLS)
        normal, z, rstd, scale = _normal(value, cols, stats, weight, bias, n, width, groups)
        gradient = _scaled_gradient(dy, at, inside, z, scale, SILU)
        means = sums + (n * groups + cols // (width // groups)) * 2
        first = tl.load(means, mask=cols < width, other=0.0)[None, :]
        second = tl.load(means + 1, mask=cols < width, other=0.0)[None, :]
        result = rstd[None, :] * (gradient - first - normal * second)
        tl.store(dx + at, result.to(dx.dtype.element_ty), mask=inside)
