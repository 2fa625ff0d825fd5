"""A short training whose defect is found again by a judge that takes no part in the product; spoilt, it is not.

benchmarks/quality has the full version, over categories, seeds and recipes. What spoils the training itself needs a
training of its own: `python -m benchmarks.quality.quick --spoils`. Here: the sound one, and what needs none.
"""

from __future__ import annotations

import os

import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmarks.quality.quick import LEAST, TASK, dead_layers, failures, measured, weights_of
from benchmarks.quality.spoils import layer_of, zero_a_layer
from benchmarks.quality.work import prepare, train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("DUALANO_QUALITY"), reason="a minute and a half of training: just quality"),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with the short training, one for all tests here."""
    work = tmp_path_factory.mktemp("quality")
    torch.set_num_threads(1)
    prepare(work, [TASK.category])
    assert train(work, TASK) == [TASK.steps]
    return work


def test_the_defect_is_found_again(trained):
    found = measured(trained, TASK)
    assert failures(found, dead_layers(weights_of(trained, TASK))) == [], found


def test_without_guidance_it_is_not(trained):
    found = measured(trained, TASK, "guidance off")
    assert failures(found), found


def test_a_layer_that_learnt_nothing_is_told(trained, tmp_path):
    tensors = load_file(weights_of(trained, TASK))
    zeroed = tmp_path / "zeroed.safetensors"
    save_file({name: value.contiguous() for name, value in zero_a_layer(tensors).items()}, zeroed)
    (layer,) = dead_layers(zeroed)
    assert layer in {layer_of(name) for name in tensors}
    sound = dict.fromkeys(LEAST, 1.0)
    assert failures(sound) == []
    assert failures(sound, [layer]) == [f"{layer} learnt nothing"]
