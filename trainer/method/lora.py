"""Frozen linear layers with LoRA for two frames, forward and backward written out as matrix products."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from .products import add_product, by_type, linear


class FrameMasks:
    """Which rows use which frame's LoRA columns, as full matrices, made once for each number of rows.

    A matrix of the full size multiplies several times faster on a GPU than one that has to be broadcast.

    Args:
        streams: S, 2 or 3; the last is the anomaly part, the others use frame 0's.
        rank: r.
    """

    def __init__(self, streams: int, rank: int) -> None:
        self._streams, self._rank = streams, rank
        self._made: dict[tuple[int, int, int, torch.dtype, torch.device], Tensor] = {}

    def __call__(self, x: Tensor, projections: int, types: int = 1) -> Tensor:
        """(M, projections * 2r) of ones and zeros for the stream-major rows `x` (M, in); T of them where rows are
        type-major."""
        key = (len(x), projections, types, x.dtype, x.device)
        if key not in self._made:
            rows = len(x) // types
            mask = torch.zeros(rows, projections, 2, self._rank, dtype=x.dtype, device=x.device)
            part = rows // self._streams
            mask[:-part, :, 0] = 1
            mask[-part:, :, 1] = 1
            self._made[key] = mask.flatten(1) if types == 1 else mask.flatten(1).repeat(types, 1, 1)
        return self._made[key]

    @contextmanager
    def forgetting(self) -> Iterator[None]:
        """Forget what is made inside; what was there before stays where it is, since a CUDA graph may read it."""
        before = dict(self._made)
        try:
            yield
        finally:
            self._made = before


def frame_lora(
    x: Tensor, mask: Tensor, down: Tensor, ups: tuple[Tensor, ...], frozen: tuple[tuple[Tensor, Tensor | None], ...]
) -> tuple[Tensor, ...]:
    """`x W_i' + b_i + (x D_i' * mask) U_i` for n projections of the same input.

    W x + B A x of LoRA (Hu et al., ICLR 2022), section 4.1, with the B and A of the row's frame: both frames' inner
    values come from one product, and the mask sets the other frame's to zero, which leaves the same sum.

    Args:
        x: (M, in), or (T M, in) for T types.
        mask: (M, n 2r) of `FrameMasks`, or (T, M, n 2r).
        down: (2, r, in), or (n, 2, r, in): all D_i; T of them where the mask has T.
        ups: U_i, each (2, r, out), or (T, 2, r, out).
        frozen: W_i (out, in) and b_i (out,) or None.

    Returns:
        n tensors (M, out), or (T M, out).
    """
    weights, biases = zip(*frozen, strict=True)
    result: tuple[Tensor, ...] = _FrameLoRA.apply(x, mask, down, len(ups), *ups, *weights, *biases)
    return result


class _FrameLoRA(torch.autograd.Function):
    """Sums are accumulated by the matrix products themselves, so none takes a kernel of its own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mask: Tensor, down: Tensor, count: int, *rest: Tensor) -> tuple[Tensor, ...]:
        ups, weights, biases = rest[:count], rest[count : 2 * count], rest[2 * count :]
        types = 1 if mask.dim() == 2 else len(mask)
        inner = linear(by_type(x, types), _matrix(down, mask)).mul_(mask)
        ctx.save_for_backward(x, mask, down, inner, *ups, *weights)
        outputs = []
        for part, up, weight, bias in zip(inner.chunk(count, dim=-1), ups, weights, biases, strict=True):
            output = F.linear(x, weight, bias)
            add_product(by_type(output, types), part, _matrix(up, mask))
            outputs.append(output)
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, mask, down, inner, *rest = ctx.saved_tensors
        count, types = len(gradients), 1 if mask.dim() == 2 else len(mask)
        ups, weights = rest[:count], rest[count:]
        dups: list[Tensor] = []
        dinner = torch.empty_like(inner)
        product = torch.mm if types == 1 else torch.bmm
        for gradient, part, dpart, up in zip(
            gradients, inner.chunk(count, dim=-1), dinner.chunk(count, dim=-1), ups, strict=True
        ):
            own = by_type(gradient, types)
            product(own, _matrix(up, mask).mT, out=dpart)
            dups.append((part.mT @ own).view(up.shape))
        dinner.mul_(mask)
        ddown = (dinner.mT @ by_type(x, types)).view(down.shape)
        dx = None
        if ctx.needs_input_grad[0]:
            dx = gradients[0] @ weights[0]
            for gradient, weight in zip(gradients[1:], weights[1:], strict=True):
                dx.addmm_(gradient, weight)
            add_product(by_type(dx, types), dinner, _matrix(down, mask))
        return dx, None, ddown, None, *dups, *[None] * (2 * count)


def _matrix(packed: Tensor, mask: Tensor) -> Tensor:
    """A packed parameter as one matrix, its last dimension the columns; as T of them where the mask has T."""
    return packed.flatten(0, -2) if mask.dim() == 2 else packed.flatten(1, -2)
