"""Trackers through accelerate: asked for by name, refused early where they are not there, never a training's end."""

from __future__ import annotations

import importlib.util
import os

import pytest

from tests.trainer.runs import metrics, train
from trainer.errors import TrainerError
from trainer.run_folder import boards

tracking = pytest.importorskip("accelerate.tracking")


class Kept:
    """A tracker as accelerate has them, which keeps what it is given."""

    def __init__(self, run_name, **options):
        self.project, self.options, self.rows, self.told = run_name, options, [], {}
        Kept.last = self

    def start(self):
        self.rows.append("start")

    def store_init_configuration(self, values):
        self.told = values

    def log(self, values, step=None):
        self.rows.append((step, values))

    def finish(self):
        self.rows.append("finish")


@pytest.fixture
def kept(monkeypatch):
    monkeypatch.setattr(boards, "find_spec", lambda name: object())
    monkeypatch.setitem(tracking.LOGGER_TYPE_TO_CLASS, "wandb", Kept)
    return Kept


def test_a_tracker_gets_the_numbers_of_the_file(tmp_path, kept):
    assert train(tmp_path, "--report_to", "wandb", "--max_train_steps", "2", variant="dual") == 0
    seen = kept.last
    assert (seen.rows[0], seen.rows[-1]) == ("start", "finish")
    assert seen.told["rank"] == 2
    names = ("loss", "lr", "grad_norm", "samples_per_second")
    assert seen.rows[1:-1] == [
        (row["step"], {f"train/{name}": row[name] for name in names}) for row in metrics(tmp_path)
    ]


def test_a_tracker_that_fails_goes_off_and_the_training_goes_on(tmp_path, kept, monkeypatch, capsys):
    monkeypatch.setattr(kept, "log", lambda *_rest, **_more: 1 / 0)
    assert train(tmp_path, "--report_to", "wandb", "--max_train_steps", "2", variant="dual") == 0
    assert "wandb is off from here on" in capsys.readouterr().err
    assert len(metrics(tmp_path)) == 2


def test_one_that_is_not_installed_is_refused_before_anything_is_loaded(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(boards, "find_spec", lambda name: None)
    assert train(tmp_path, "--report_to", "swanlab", "--max_train_steps", "2", variant="dual") == 1
    assert "pip install swanlab" in capsys.readouterr().err
    assert not (tmp_path / "metrics.jsonl").exists()


def test_one_that_does_not_start_says_how_it_would(tmp_path, kept, monkeypatch):
    def no_account(self):
        raise RuntimeError("api_key not configured (no-tty).\nmore")

    monkeypatch.setattr(kept, "start", no_account)
    with pytest.raises(TrainerError, match=r"api_key not configured.*WANDB_MODE=offline"):
        boards.Tracked("wandb", tmp_path, {})


@pytest.mark.parametrize("name", sorted(boards.TRACKERS))
def test_the_real_ones_work_offline(tmp_path, monkeypatch, name):
    """Where they are installed."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for variable in ("WANDB_MODE", "SWANLAB_MODE"):
        monkeypatch.setitem(os.environ, variable, "offline")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    assert train(tmp_path / "out", "--report_to", name, "--max_train_steps", "2", variant="dual") == 0
    assert len(metrics(tmp_path / "out")) == 2
