"""The frozen gated feed-forward of a transformer's layer: linear, GEGLU, linear.

Two ways, with the same numbers: one keeps the gate's input; the lean one, for gradient checkpointing, keeps its own
input alone and goes through the rows in portions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..kernels.gates import geglu, geglu_backward
from ..variant import FEED_FORWARD_PORTION


class FrozenFeedForward(nn.Module):
    """diffusers' `FeedForward`; the gated values are computed again in the backward pass.

    Args:
        stock: diffusers' module, whose weights are used.
    """

    def __init__(self, stock: Any) -> None:
        super().__init__()
        self.stock = stock

    def forward(self, x: Tensor, *, lean: bool = False) -> Tensor:
        """(N, L, c) to (N, L, c); `lean` keeps only `x`, and computes the first product again."""
        first, last = self.stock.net[0].proj, self.stock.net[2]
        rows = x.flatten(0, 1)
        if lean:
            rows = _Gradient.apply(rows, first.weight, first.bias, last.weight)
            rows = _Values.apply(rows, first.weight, first.bias, last.weight, last.bias)
        else:
            rows = _FeedForward.apply(rows, first.weight, first.bias, last.weight, last.bias)
        return rows.view(x.shape)


class _FeedForward(torch.autograd.Function):
    """The whole, keeping the gate's input."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, up: Tensor, up_bias: Tensor, down: Tensor, down_bias: Tensor) -> Tensor:
        proj = F.linear(x, up, up_bias)
        ctx.save_for_backward(proj, up, down)
        return F.linear(geglu(proj), down, down_bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        proj, up, down = ctx.saved_tensors
        return geglu_backward(gradient @ down, proj) @ up, None, None, None, None


class _Gradient(torch.autograd.Function):
    """Forward nothing, backward the whole feed-forward; `_Values` is the reverse of it. They only go together.

    Apart, because a checkpoint's second forward pass ends where the last tensor is kept: before the feed-forward,
    whose values the backward pass has no use for.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, up: Tensor, up_bias: Tensor, down: Tensor) -> Tensor:
        ctx.save_for_backward(x, up, up_bias, down)
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, up, up_bias, down = ctx.saved_tensors
        dx = torch.empty_like(x)
        for part in _portions(len(x)):
            proj = F.linear(x[part], up, up_bias)
            torch.mm(geglu_backward(gradient[part] @ down, proj), up, out=dx[part])
        return dx, None, None, None


class _Values(torch.autograd.Function):
    """Forward the whole feed-forward; backward it hands the gradient on to `_Gradient`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, up: Tensor, up_bias: Tensor, down: Tensor, down_bias: Tensor) -> Tensor:
        out = torch.empty_like(x)
        for part in _portions(len(x)):
            torch.addmm(down_bias, geglu(F.linear(x[part], up, up_bias)), down.t(), out=out[part])
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return gradient, None, None, None, None


def _portions(rows: int) -> Iterator[slice]:
    """All rows, some at a time."""
    return (slice(first, first + FEED_FORWARD_PORTION) for first in range(0, rows, FEED_FORWARD_PORTION))
