"""Low-precision gradients are summed in runs of leaves; what comes out is the sum of all, in the master's layout."""

from __future__ import annotations

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import nn

from tests.miniature import miniature
from trainer.method.adapters import Adapter, initial_values
from trainer.method.unet import DualUNet
from trainer.optim import flat_parameters as module
from trainer.optim.flat_parameters import COLLECTED_AT_ONCE, AdapterParameters


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
@pytest.mark.parametrize("numbers", [50, 2**23])  # smaller than the largest leaf, larger than all
@pytest.mark.parametrize("count", [1, COLLECTED_AT_ONCE, 2 * COLLECTED_AT_ONCE + 3])
def test_every_leaf_s_gradient_arrives_at_its_place(count, numbers, only, monkeypatch):
    monkeypatch.setattr(module, "NUMBERS_AT_ONCE", numbers)
    parameters = made(count, torch.bfloat16)
    expected = torch.zeros_like(parameters.gradient)
    parameters.gradient.fill_(0.5)
    generator = torch.Generator().manual_seed(count)
    total = torch.zeros((), dtype=torch.bfloat16, requires_grad=True) * 1
    for number, (leaf, place) in enumerate(zip(parameters.leaves, parameters._ranges, strict=True)):
        if number % 7 != 3:  # some are not reached by every backward pass
            factors = torch.randn(leaf.shape, generator=generator).bfloat16()
            total = total + (leaf * factors).sum()
            place.of(expected).copy_(factors.float())
    with parameters.collecting(only=only):
        total.backward()
    for place in parameters._ranges:
        assert torch.equal(place.of(parameters.gradient), place.of(expected) + (0.0 if only else 0.5))
    assert all(leaf.grad is None for leaf in parameters.leaves)


@pytest.mark.parametrize(
    ("sizes", "runs"),
    [
        ([], []),
        ([9], [[9]]),
        ([3, 3, 3], [[3, 3], [3]]),
        ([9, 1, 1, 6, 2], [[9], [1, 1], [6], [2]]),
        ([1] * 5, [[1] * 4, [1]]),
    ],
)
def test_runs_end_at_either_limit(sizes, runs, monkeypatch):
    monkeypatch.setattr(module, "COLLECTED_AT_ONCE", 4)
    monkeypatch.setattr(module, "NUMBERS_AT_ONCE", 7)
    assert [sizes[part] for part in module._cut(sizes)] == runs


def test_a_leaf_reached_twice_counts_twice():
    # As when a backward pass runs inside another (reentrant checkpoints).
    parameters = made(3, torch.bfloat16)
    with parameters.collecting(only=True):
        for _ in range(2):
            sum(leaf.sum() for leaf in parameters.leaves).backward()
        parameters.leaves[1].sum().backward()
    values = [place.of(parameters.gradient) for place in parameters._ranges]
    assert [value.unique().tolist() for value in values] == [[2.0], [3.0], [2.0]]


@pytest.mark.parametrize("unreached", [(), ("row7", "row150")])
def test_no_more_than_one_run_of_gradients_is_ever_there(unreached, monkeypatch):
    monkeypatch.setattr(module, "WITHOUT_GRADIENT", frozenset(unreached))
    parameters = made(3 * COLLECTED_AT_ONCE, torch.bfloat16)
    reached = [
        leaf
        for place, leaf in zip(parameters._ranges, parameters.leaves, strict=True)
        if place.attribute not in unreached
    ]
    held = []
    for leaf in reached:
        leaf.register_post_accumulate_grad_hook(
            lambda _: held.append(sum(other.grad is not None for other in parameters.leaves))
        )
    total = torch.ones((), dtype=torch.bfloat16)
    for leaf in reached:
        total = total * leaf.sum() + leaf.sum()  # one after the other, last first
    with parameters.collecting(only=True):
        total.backward()
    assert len(held) == len(reached)
    assert max(held) < COLLECTED_AT_ONCE


@pytest.mark.parametrize("variant", ["bcm", "dual"])
def test_every_other_leaf_of_the_model_gets_a_gradient(variant):
    # Or else its run would be collected only when the pass is over, and memory be full of gradients until then.
    unet = UNet2DConditionModel.from_pretrained(miniature() / "model" / "unet").bfloat16()
    model = DualUNet(unet, variant=variant, rank=2)
    values = initial_values({prefix: adapter.parts for prefix, adapter in model.adapters.items()}, seed=0)
    parameters = AdapterParameters(model.adapters, values, device=torch.device("cpu"), dtype=torch.bfloat16)
    reached = set()
    for place, leaf in zip(parameters._ranges, parameters.leaves, strict=True):
        leaf.register_post_accumulate_grad_hook(
            lambda _, place=place: reached.add((id(place.adapter), place.attribute))
        )
    condition = torch.randn(1, 4, 8, 8) if variant == "bcm" else None
    text = torch.randn(1, 2, 77, unet.config.cross_attention_dim)
    with parameters.collecting(only=True):
        model(torch.randn(1, 2, 4, 8, 8), torch.tensor([9]), text, condition).sum().backward()
    unreached = {place.attribute for place in parameters._ranges if (id(place.adapter), place.attribute) not in reached}
    assert unreached == module.WITHOUT_GRADIENT


def test_a_pass_that_reaches_other_leaves_than_the_one_before_loses_nothing():
    parameters = made(3, torch.bfloat16)
    for reached in ([0], [1, 2], [0, 1], [0, 1, 2], [2]):
        with parameters.collecting(only=True):
            sum(parameters.leaves[number].sum() for number in reached).backward()
        values = [place.of(parameters.gradient) for place in parameters._ranges]
        assert [bool(value.eq(1).all()) for value in values] == [number in reached for number in range(3)]


def test_float32_gradients_are_added_by_autograd_itself():
    parameters = made(3, torch.float32)
    parameters.gradient.fill_(0.5)
    with parameters.collecting():
        sum(leaf.sum() for leaf in parameters.leaves).backward()
    assert all(place.of(parameters.gradient).eq(1.5).all() for place in parameters._ranges)
