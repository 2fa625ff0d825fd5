"""Which place of a flat buffer belongs to which packed parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..method.adapters import Adapter

#: Each packed parameter starts at a multiple of this many numbers, as matrix kernels want 16-byte starts.
ALIGNMENT = 64


@dataclass(frozen=True, slots=True)
class Range:
    """Where one packed parameter lies in the flat buffer."""

    adapter: Adapter
    attribute: str
    start: int
    shape: torch.Size

    def of(self, flat: Tensor, offset: int = 0) -> Tensor:
        """The parameter's view of a flat buffer, or of a part of one that begins at `offset`.

        Of T buffers (T, n) it is (T, *shape), unless there is but one.
        """
        start = self.start - offset
        if flat.dim() == 2 and len(flat) > 1:
            return flat[:, start : start + self.shape.numel()].unflatten(1, self.shape)
        return flat.view(-1)[start : start + self.shape.numel()].view(self.shape)


def lay_out(adapters: Mapping[str, Adapter]) -> tuple[list[Range], int]:
    """Give every packed parameter its place."""
    ranges, start = [], 0
    for adapter in adapters.values():
        for attribute, parameter in adapter.named_parameters():
            ranges.append(Range(adapter, attribute, start, parameter.shape))
            start += -(-parameter.numel() // ALIGNMENT) * ALIGNMENT
    return ranges, start
