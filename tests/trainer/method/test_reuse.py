"""A call with the inner layers' last result: equal to a whole call on the same inputs, near to it on close ones."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from tests.trainer.method.test_merged import inputs, make_model
from trainer.errors import TrainerError
from trainer.method.merged import merge_adapters
from trainer.method.objective import NoiseSchedule
from trainer.method.reuse import InnerReuse
from trainer.method.sampling import Fast, Sampler


@pytest.mark.parametrize(("variant", "layers"), [("bcm", 3), ("dual", 1)])
@torch.no_grad()
def test_reuse_of_the_same_call_is_exact_and_of_another_is_not(variant, layers):
    torch.set_num_threads(1)
    model = make_model(variant)
    merge_adapters(model)
    reuse = InnerReuse(model, layers)
    same = inputs(variant)
    whole = reuse.whole(*same)
    torch.testing.assert_close(reuse.outer(*same), whole, atol=1e-12, rtol=1e-12)
    other = (same[0] + 0.05, *same[1:])
    exact, reused = model(*other), None
    reuse.whole(*same)
    reused = reuse.outer(*other)
    change = (exact - whole).norm()
    assert 0 < (reused - exact).norm() < change


def test_a_network_of_another_kind_is_refused():
    plain = SimpleNamespace(attentions=[])
    model = SimpleNamespace(unet=SimpleNamespace(down_blocks=[plain], up_blocks=[plain]))
    with pytest.raises(TrainerError, match="--fast"):
        InnerReuse(model, 1)


def test_guidance_holds_in_its_interval_and_each_kind_of_call_follows_a_whole_one():
    calls = []

    def network(name):
        def call(latents, *_):
            calls.append((name, len(latents)))
            return latents * 0.1

        return call

    scheduler = SimpleNamespace(
        set_timesteps=lambda _: None, init_noise_sigma=1.0, timesteps=torch.tensor([990, 790, 590, 390, 190, 90]),
        scale_model_input=lambda x, _: x, step=lambda guided, _, x, return_dict: (x - guided,),
    )  # fmt: skip
    fast = Fast((0.1, 0.7), network("outer"), every=2)
    text = torch.zeros(2, 2, 3, 4)
    schedule = NoiseSchedule(torch.linspace(1, 0, 1000))
    sampler = Sampler(network("whole"), scheduler, schedule, text, steps=6, guidance=2.0, fast=fast)
    result = sampler.sample(torch.ones(1, 2, 4, 2, 2), None)
    assert calls == [("whole", 1), ("whole", 2), ("outer", 2), ("whole", 2), ("whole", 1), ("outer", 1)]
    assert torch.allclose(result, torch.full_like(result, 0.9**6))
