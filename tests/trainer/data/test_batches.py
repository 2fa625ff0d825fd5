"""Which samples a step takes."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from trainer.data.batches import Planner, draw


def items(planner, steps):
    return [int(i) for number in range(steps) for i in planner.step(number).indices]


def test_each_epoch_takes_every_item_once():
    taken = items(Planner(items=5, batch_size=2, seed=3), 10)
    epochs = [taken[start : start + 5] for start in range(0, 20, 5)]
    assert all(sorted(epoch) == [0, 1, 2, 3, 4] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_a_step_depends_on_its_number_alone():
    planner = Planner(items=5, batch_size=2, seed=3)
    later = planner.step(40)
    again = Planner(items=5, batch_size=2, seed=3).step(40)
    assert np.array_equal(later.indices, again.indices)
    assert np.array_equal(later.flips, again.flips)


def test_processes_share_the_step_without_overlap():
    whole = Planner(items=7, batch_size=6, seed=1).step(4)
    shares = [Planner(7, 1, accumulation=3, processes=2, rank=rank, seed=1).step(4) for rank in (0, 1)]
    taken = sorted(i for share in shares for part in share.passes for i in range(6)[part])
    assert taken == list(range(6))
    for share in shares:
        assert np.array_equal(share.indices, whole.indices)
        assert np.array_equal(share.flips, whole.flips)


def test_short_batches_end_an_epoch_as_upstreams_loader_does():
    planner = Planner(items=3, batch_size=2, short_batches=True)
    assert [len(planner.step(number).indices) for number in range(4)] == [2, 1, 2, 1]
    taken = items(planner, 4)
    assert sorted(taken[:3]) == sorted(taken[3:]) == [0, 1, 2]


def test_flips_follow_the_setting():
    planner = Planner(items=4, batch_size=4, seed=0)
    for setting, possible in (("both", 4), ("horizontal", 2), ("vertical", 2), ("none", 1)):
        chosen = dataclasses.replace(planner, flips=setting)
        seen = {tuple(flip) for number in range(40) for flip in chosen.step(number).flips.tolist()}
        assert len(seen) == possible


def test_draws_repeat_and_differ_by_step():
    options = {"pictures": 3, "latent": (4, 8, 8), "timesteps": 1000, "device": torch.device("cpu")}
    first, again, other = (draw(5, step, 2, **options) for step in (9, 9, 10))
    assert torch.equal(first.noise, again.noise)
    assert torch.equal(first.encoding, again.encoding)
    assert not torch.equal(first.noise, other.noise)
    assert first.encoding.shape == (2, 3, 4, 8, 8)
    assert 0 <= first.timesteps.min() <= first.timesteps.max() < 1000
