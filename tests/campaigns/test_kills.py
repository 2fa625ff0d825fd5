"""A few blows at random; `python -m tests.campaigns.kills --kills 100` deals as many as one likes."""

from __future__ import annotations

import random

from tests.campaigns.kills import battle, faults
from tests.campaigns.world import data_set


def test_six_blows_leave_no_trace(memory_folder, monkeypatch):
    monkeypatch.setenv("STUB_SECONDS", "1.5")
    monkeypatch.setenv("STUB_STEPS", "5")
    data_set(memory_folder / "data", {"c": ("a", "b"), "d": ("a",)})
    (memory_folder / "model").mkdir()
    fought = battle(memory_folder, "t", 6, random.Random(5), lease=3, workers=2, pause=0.3)
    assert sum(fought.blows.values()) == 6
    assert faults(fought.root, fought.plan, {}) == []
    assert fought.left() == []
