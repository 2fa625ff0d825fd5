"""AdamW's state is there from the start, and is what torch would have made in its first step."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from trainer.optim.adamw import AdamWSettings, AdapterOptimizer

RATE = 1e-2


def parameters():
    """What the optimiser needs of `AdapterParameters`: the flat buffer and its gradient."""
    master = torch.nn.Parameter(torch.linspace(-1, 1, 50))
    gradient = torch.zeros_like(master, requires_grad=False)
    master.grad = gradient
    return SimpleNamespace(master=master, gradient=gradient, refresh=lambda: None)


def test_the_moments_are_there_before_the_first_step():
    saved = AdapterOptimizer(parameters(), AdamWSettings()).tensors()
    assert {name: tuple(saved[f"adamw.{name}"].shape) for name in ("step", "exp_avg", "exp_avg_sq")} == {
        "step": (), "exp_avg": (50,), "exp_avg_sq": (50,),
    }  # fmt: skip
    assert not any(saved[f"adamw.{name}"].any() for name in ("step", "exp_avg", "exp_avg_sq"))


def test_the_steps_are_those_of_torchs_own_adamw():
    ours, plain = parameters(), torch.nn.Parameter(torch.linspace(-1, 1, 50))
    settings = AdamWSettings(max_grad_norm=0.0)
    optimizer = AdapterOptimizer(ours, settings)
    adamw = torch.optim.AdamW(
        [plain], lr=RATE, betas=settings.betas, eps=settings.eps, weight_decay=settings.weight_decay
    )
    for number in range(4):
        gradient = torch.randn(50, generator=torch.Generator().manual_seed(number))
        ours.gradient.copy_(gradient)
        plain.grad = gradient
        optimizer.step(RATE)
        adamw.step()
        assert torch.equal(ours.master, plain)


def test_a_loaded_state_is_copied_into_the_one_there():
    first, second = AdapterOptimizer(parameters(), AdamWSettings()), AdapterOptimizer(parameters(), AdamWSettings())
    first._parameters.gradient.fill_(0.1)
    first.step(RATE)
    places = {name: tensor.data_ptr() for name, tensor in second.tensors().items()}
    second.load(first.tensors())
    for name, tensor in second.tensors().items():
        assert torch.equal(tensor, first.tensors()[name])
        assert tensor.data_ptr() == places[name]
