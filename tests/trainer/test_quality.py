"""A short training whose defect is found again by a judge that takes no part in the product; spoilt, it is not.

benchmarks/quality has the full version, over categories, seeds and recipes. What spoils the training itself needs a
training of its own: `python -m benchmarks.quality.quick --spoils`; what spoils sampling is tried here.
"""

from __future__ import annotations

import pytest
import torch

from benchmarks.quality.quick import TASK, failures, measured
from benchmarks.quality.work import prepare, train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with the short training, one for all tests here."""
    work = tmp_path_factory.mktemp("quality")
    torch.set_num_threads(1)
    prepare(work, [TASK.category])
    assert train(work, TASK) == [TASK.steps]
    return work


def test_the_defect_is_found_again(trained):
    found = measured(trained, TASK, (0, 1))
    assert failures(found) == [], found


@pytest.mark.parametrize("spoil", ["guidance off", "layer zeroed"])
def test_spoilt_sampling_is_noticed(trained, spoil):
    found = measured(trained, TASK, (0,), spoil)
    assert failures(found), found
