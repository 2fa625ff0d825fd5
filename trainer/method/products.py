"""Products with a layer's parameters: of one anomaly type, or a batch of them with one set for each of T types.

With several types, rows of a batch are type-major: what a layer sees is (T * M, c) in memory, M rows a type.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def by_type(x: Tensor, types: int) -> Tensor:
    """(T * M, ...) as (T, M, ...); as it is where there is one type."""
    return x if types == 1 else x.unflatten(0, (types, -1))


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W' + b.

    Args:
        x: (..., in), or (T, M, in).
        weight: (out, in), or (T, out, in).
        bias: (out,), or (T, out); None without one.
    """
    if weight.dim() == 2:
        return F.linear(x, weight, bias)
    return torch.bmm(x, weight.mT) if bias is None else torch.baddbmm(bias[:, None], x, weight.mT)


def add_product(out: Tensor, a: Tensor, b: Tensor, *, alpha: float = 1) -> Tensor:
    """`out` plus alpha a b, in place: matrices, or T of them."""
    return out.addmm_(a, b, alpha=alpha) if b.dim() == 2 else out.baddbmm_(a, b, alpha=alpha)
