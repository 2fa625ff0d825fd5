"""One of the random kills: `python -m tests.trials.kills 200` makes many."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.trials.kills import stub_bench, trial


def test_a_run_whose_processes_are_killed_is_told_right_and_gone_on_with(memory_folder: Path) -> None:
    bench = replace(stub_bench(memory_folder), steps=60, loading=0.3, window=0.9, pause=0.6)
    hit, _state = trial(bench, 0, seed=17)
    assert hit != "nothing"
