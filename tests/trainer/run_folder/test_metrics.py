"""TensorBoard's event files, read back with TensorBoard's own reader."""

from __future__ import annotations

import pytest

from tests.trainer.runs import metrics, train

accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
NAMES = ("loss", "lr", "grad_norm", "samples_per_second")


def scalars(folder):
    """What a viewer of the folder sees: by tag, the values by step."""
    events = accumulator.EventAccumulator(str(folder))
    events.Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def check_equals_metrics(output, logs):
    lines, seen = metrics(output), scalars(output / logs)
    assert set(seen) == {f"train/{name}" for name in NAMES}
    for name in NAMES:
        assert [step for step, _ in seen[f"train/{name}"]] == [line["step"] for line in lines]
        assert [value for _, value in seen[f"train/{name}"]] == pytest.approx([line[name] for line in lines], rel=1e-6)


def test_event_files_hold_every_step_once_also_after_resuming(tmp_path):
    options = ("--report_to", "tensorboard", "--logging_dir", "board", "--train_batch_size", "1")
    assert train(tmp_path, *options, "--max_train_steps", "3", "--checkpointing_steps", "2", variant="dual") == 0
    check_equals_metrics(tmp_path, "board")
    again = ("--max_train_steps", "4", "--resume_from_checkpoint", "checkpoint-2")
    assert train(tmp_path, *options, *again, variant="dual") == 0
    assert len(list((tmp_path / "board").iterdir())) == 2
    assert len(metrics(tmp_path)) == 4
    check_equals_metrics(tmp_path, "board")


def test_none_writes_no_event_files(tmp_path):
    assert train(tmp_path, "--report_to", "none", "--max_train_steps", "1", variant="dual") == 0
    assert not (tmp_path / "logs").exists()


def test_a_folder_that_goes_away_does_not_end_the_training(tmp_path, monkeypatch, capsys):
    from torch.utils.tensorboard import SummaryWriter

    def gone(*_arguments):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(SummaryWriter, "add_scalar", gone)
    assert train(tmp_path, "--report_to", "tensorboard", "--max_train_steps", "2", variant="dual") == 0
    assert "TensorBoard is off" in capsys.readouterr().err
    assert len(metrics(tmp_path)) == 2
