"""Progress from metrics and from progress bars; following files."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dualano_setup.runs.progress import duration, from_bar, from_metrics, is_bar, line_of, read_progress
from dualano_setup.runs.records import RunRecord
from dualano_setup.runs.watch.follow import Follower


def rows(*losses, seconds=2.0):
    return "".join(
        json.dumps({"step": n, "loss": loss, "seconds": seconds, "gpu_memory_gib": 3.5, "lr": 2e-5}) + "\n"
        for n, loss in enumerate(losses, 1)
    )


def test_metrics():
    progress = from_metrics(rows(0.5, 0.3), 10)
    assert (progress.step, progress.total, progress.memory, progress.remaining) == (2, 10, 3.5, 16.0)
    assert progress.loss == 0.3
    assert line_of(progress) == "step 2/10 · loss 0.3000 · 2 s/step · 16 s left · GPU 3.5 GiB"


def test_a_cut_line_and_a_pause_for_a_checkpoint_do_not_mislead():
    text = rows(0.5, 0.5, 0.5)[10:] + '{"step": 4, "lo'
    assert from_metrics(text, 10).step == 3
    slow = rows(0.5, 0.5) + json.dumps({"step": 3, "loss": 0.5, "seconds": 90.0}) + "\n"
    assert from_metrics(slow, 10).seconds_per_step == 2.0
    assert from_metrics("", 10) is None


def test_a_loss_that_is_not_a_number_is_shown_as_such():
    assert "loss nan" in line_of(from_metrics(rows("nan"), 10))


def test_the_guides_progress_line():
    line = "Steps:  10%| | 500/5000 [10:25<1:33:45,  1.25s/it, loss=0.0234, lr=2e-5]"
    progress = from_bar("loading\n" + line.replace("500/5000", "499/5000") + "\r" + line)
    assert (progress.step, progress.total, progress.loss, progress.lr) == (500, 5000, 0.0234, 2e-5)
    assert progress.remaining == 4500 * 1.25
    assert from_bar("4/4 [00:01<00:00,  4.00it/s]").seconds_per_step == 0.25
    assert from_bar("0/4 [00:00<?, ?it/s]").remaining is None
    assert is_bar(line)
    assert not is_bar("Weights: /somewhere")


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "?"), (1.26, "1.3 s"), (59, "59 s"), (260, "4 min 20 s"), (15120, "4 h 12 min")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_following_keeps_half_characters_and_half_lines_for_later(tmp_path):
    file = tmp_path / "log"
    whole = "läuft\nnext".encode()
    file.write_bytes(whole[:2])
    follower = Follower(file)
    assert follower.lines() == []
    file.write_bytes(whole)
    assert follower.lines() == ["läuft"]
    assert follower.lines(rest=True) == ["next"]
    file.write_bytes(b"new\n")
    assert follower.lines() == ["new"]


def test_following_a_file_that_is_not_there_yet(tmp_path):
    assert Follower(tmp_path / "log").lines() == []


def test_a_resumed_run_tells_its_own_steps(tmp_path):
    """Its metrics are shared with the runs before and after it."""
    log, metrics = tmp_path / "log", tmp_path / "metrics.jsonl"
    metrics.write_text(rows(*[0.5] * 33))
    record = RunRecord("r", "k", "bundled", ("--resume_from_checkpoint", "latest"), "/", {}, "/o", 40, "h", 1.0,
                       metrics=str(metrics))  # fmt: skip
    log.write_text("loading\n")
    assert read_progress(record, log, over=False) is None
    log.write_text("Steps:  10%| | 8/40 [10:25<1:33:45,  1.25s/it, loss=0.0234, lr=2e-5]\n")
    assert read_progress(record, log, over=False).step == 33
    assert read_progress(record, log, over=True).step == 8
    assert read_progress(replace(record, argv=()), tmp_path / "none", over=True).step == 33
