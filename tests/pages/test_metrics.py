"""A metrics.jsonl read as it grows, and the curves made of it."""

from __future__ import annotations

import json
import math

import pytest

from dualano_setup.pages.metrics import MetricsFile, smoothed
from tests.pages.made_up import write_metrics


def test_the_numbers_are_the_files(tmp_path):
    rows = write_metrics(tmp_path / "metrics.jsonl", 300)
    seen = MetricsFile(tmp_path / "metrics.jsonl").read()
    assert seen.steps == [row["step"] for row in rows]
    for name in ("loss", "lr", "grad_norm", "seconds", "gpu_memory_gib"):
        assert seen.of(name) == [row[name] for row in rows]


def test_only_whole_lines_count_and_only_new_ones_are_read(tmp_path):
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"step": 1, "loss": 1.0}\nnot json\n[1]\n{"step": 2, "lo')
    follower = MetricsFile(file)
    assert follower.read().steps == [1]
    with file.open("a") as stream:
        stream.write('ss": "nan"}\n{"step": true}\n{"step": 3, "loss": "inf"}\n')
    seen = follower.read()
    assert seen.steps == [1, 2, 3]
    assert math.isnan(seen.of("loss")[1])
    assert seen.broken() == [2, 3]


def test_a_resumed_run_is_one_line(tmp_path):
    """The trainer replaces the file by a shorter one; a foreign file may say steps twice."""
    file = tmp_path / "metrics.jsonl"
    write_metrics(file, 50)
    follower = MetricsFile(file)
    assert len(follower.read()) == 50
    file.unlink()
    rows = write_metrics(file, 40, seed=3)
    assert follower.read().of("loss") == [row["loss"] for row in rows]
    with file.open("a") as stream:
        stream.write(json.dumps({"step": 31, "loss": 9.0}) + "\n")
    assert follower.read().steps == list(range(1, 32))
    assert follower.read().of("loss")[-1] == 9.0


def test_smoothing_is_the_corrected_exponential_mean():
    assert smoothed([2.0, None, 4.0], 0.5) == pytest.approx([2.0, 2.0, (0.5 * 0.5 * 2 + 0.5 * 4) / 0.75])
    assert smoothed([None, float("inf"), 3.0]) == pytest.approx([None, None, 3.0])
