"""What sampled pairs are conditioned on: latents, fresh noise for each call of the network, and who sees which row.

The authors' script draws a condition's VAE sample and its noise for each pair anew (`OwnConditions`). Both depend on
the background and the call alone, so pairs on one background can share them (`SharedConditions`): a condition's row
is then computed once, whatever number of pairs sees it, and mid-grey once for all. Each pair's own law stays
the same; what changes is the joint law, since pairs on one background share that noise (docs/trainer.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class ConditionRows(NamedTuple):
    """The condition stream of one call of the network, K rows, for G groups of B pairs.

    Attributes:
        clean: (K, 4, h, w), unscaled VAE samples.
        noise: (K, 4, h, w), standard normal, drawn for this call.
        seen_by: (G*B,), the row that each pair of each group sees; None: row i sees row i.
        first: (K,), one of the G*B that see each row, whose text and time are the row's; None with `seen_by`.
    """

    clean: Tensor
    noise: Tensor
    seen_by: Tensor | None = None
    first: Tensor | None = None


class Conditions(Protocol):
    """Conditions of a batch of pairs."""

    def rows(self, groups: int) -> ConditionRows:
        """The rows of the next call: of the unconditional group (mid-grey) and the conditional one, or of the latter
        alone where `groups` is 1."""


class OwnConditions:
    """Each pair has a VAE sample and noise of its own, as in the authors' script.

    Args:
        latents: (B, 2, 4, h, w), unscaled VAE samples of mid-grey and of the background.
        draw: gives (B, 2, 4, h, w) of noise for each call.
    """

    def __init__(self, latents: Tensor, draw: Callable[[], Tensor]) -> None:
        self._latents, self._draw = latents, draw

    def rows(self, groups: int) -> ConditionRows:
        """G*B rows."""
        clean, noise = (x[:, -groups:].transpose(0, 1).flatten(0, 1) for x in (self._latents, self._draw()))
        return ConditionRows(clean, noise)


class SharedConditions:
    """Each background once, and mid-grey once, whatever number of pairs sees it.

    Args:
        latents: (1 + K, 4, h, w), unscaled VAE samples of mid-grey and of the backgrounds of this batch.
        seen_by: (B,), which of the K backgrounds each pair sees; each is seen by one pair at least.
        draw: gives (1 + K, 4, h, w) of noise for each call.
    """

    def __init__(self, latents: Tensor, seen_by: Tensor, draw: Callable[[], Tensor]) -> None:
        self._latents, self._draw = latents, draw
        count, device = len(latents) - 1, latents.device
        seen_by = seen_by.cpu()
        first = torch.stack([(seen_by == row).nonzero()[0, 0] for row in range(count)])
        pairs, nothing = len(seen_by), torch.zeros(1, dtype=torch.long)
        self._both = (
            torch.cat([nothing.expand(pairs), seen_by + 1]).to(device), torch.cat([nothing, first + pairs]).to(device),
        )  # fmt: skip
        self._one = seen_by.to(device), first.to(device)

    def rows(self, groups: int) -> ConditionRows:
        """1 + K rows; K where there is no unconditional group."""
        noise = self._draw()
        if groups == 1:
            return ConditionRows(self._latents[1:], noise[1:], *self._one)
        return ConditionRows(self._latents, noise, *self._both)
