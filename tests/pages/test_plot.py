"""Curves as paths and ticks."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualano_setup.pages.plot import MOST, SIDE, bounds, plot, short, thinned, ticks


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([-\d.]+) ([-\d.]+)", path)]


def test_a_point_lies_where_its_number_is():
    drawn = plot("x", [1, 2, 4], [("raw", [0.0, 10.0, 5.0])], last=4)
    assert [x for x, __ in points(drawn.lines[0].path)] == [250.0, 500.0, 1000.0]
    for (__, y), value in zip(points(drawn.lines[0].path), (0.0, 10.0, 5.0), strict=True):
        assert drawn.high - y / SIDE * (drawn.high - drawn.low) == pytest.approx(value, abs=0.02)


def test_what_is_not_finite_leaves_a_gap_and_is_marked():
    drawn = plot("x", [1, 2, 3], [("raw", [1.0, float("nan"), 2.0])], last=3, marks=[(2, "broken"), (99, "broken")])
    assert drawn.lines[0].path.count("M") == 2
    assert [(mark.step, mark.kind) for mark in drawn.marks] == [(2, "broken")]
    assert plot("x", [1], [("raw", [None])], last=1) is None


def test_long_curves_keep_their_extremes():
    values = [1.0] * 100_000
    values[77_777] = 9.0
    values[3] = -4.0
    some = thinned(range(1, 100_001), values)
    assert len(some) <= MOST + 1
    assert (77_778, 9.0) in some
    assert (4, -4.0) in some


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40))
def test_axes_hold_for_any_numbers(values):
    low, high = bounds(values)
    assert low < high
    marks = ticks(low, high, 4)
    assert len(marks) <= 12
    assert all(low - 1e-6 * abs(low) - 1e-9 <= mark <= high + 1e-6 * abs(high) + 1e-9 for mark in marks)
    assert all(len(short(mark)) < 14 for mark in marks)


def test_labels_are_short():
    assert [short(value) for value in (0, 2e-5, 0.05, 1.5, 1200, 3e7)] == ["0", "2e-5", "0.05", "1.5", "1,200", "3e7"]
