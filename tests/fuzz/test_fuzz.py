"""A short, always equal fuzz of every target; `python -m tests.fuzz TARGET` is the long one with the same code."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutation import mutated, seeds
from tests.fuzz.targets import TARGETS

pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")


@pytest.mark.parametrize("name", TARGETS)
def test_every_kept_input_is_taken(name):
    TARGETS[name].take(b"")  # imports are not part of an input's time
    for data in seeds(name):
        began = time.process_time()
        TARGETS[name].take(data)
        assert time.process_time() - began < 1


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(number=st.integers(0, 2**64))
def test_edits_of_the_kept_inputs_are_taken(name, number):
    TARGETS[name].take(mutated(random.Random(number), seeds(name), TARGETS[name].words))


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=40, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_pieces_of_the_format_in_any_order_are_taken(name, data):
    piece = st.sampled_from(TARGETS[name].words) | st.binary(max_size=4)
    TARGETS[name].take(b"".join(data.draw(st.lists(piece, max_size=12))))
