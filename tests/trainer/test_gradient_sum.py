"""Low-precision gradients are summed in runs of leaves; what comes out is the sum of all, in the master's layout."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trainer.adapters import Adapter, initial_values
from trainer.parameters import COLLECTED_AT_ONCE, AdapterParameters


def made(count, dtype):
    """Parameters of `count` leaves, whose sizes differ and are no multiples of the alignment."""

    class Rows(Adapter):
        def __init__(self):
            super().__init__(())
            for number in range(count):
                self.register_parameter(f"row{number}", nn.Parameter(torch.zeros(1 + number % 70)))

    return AdapterParameters(
        {"a.": Rows()}, initial_values({"a.": ()}, seed=0), device=torch.device("cpu"), dtype=dtype
    )


@pytest.mark.parametrize("only", [True, False])
@pytest.mark.parametrize("count", [1, COLLECTED_AT_ONCE, 2 * COLLECTED_AT_ONCE + 3])
def test_every_leaf_s_gradient_arrives_at_its_place(count, only):
    parameters = made(count, torch.bfloat16)
    expected = torch.zeros_like(parameters.gradient)
    if not only:
        parameters.gradient.fill_(0.5)
    generator = torch.Generator().manual_seed(count)
    for number, (leaf, place) in enumerate(zip(parameters.leaves, parameters._ranges, strict=True)):
        if number % 7 != 3:  # some are not reached by every backward pass
            leaf.grad = torch.randn(leaf.shape, generator=generator).bfloat16()
            place.of(expected).copy_(leaf.grad.float())
    parameters.collect(only=only)
    for place in parameters._ranges:
        assert torch.equal(place.of(parameters.gradient), place.of(expected) + (0.0 if only else 0.5))
    assert all(leaf.grad is None for leaf in parameters.leaves)
