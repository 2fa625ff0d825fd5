"""Sample sheets: there, of the right size, of the weights at hand, and without a trace in the training."""

from __future__ import annotations

import os
import random
import signal

import numpy as np
import pytest
import torch
from PIL import Image

from tests.trainer.runs import metrics, train
from trainer.method.sampling import Sampler
from trainer.run_folder.checkpoints import open_checkpoint
from trainer.run_folder.folder import claimed
from trainer.train import sample_sheets as sheet
from trainer.train.sample_sheets import SampleSheets
from trainer.weights.adapter_file import read_weights

TIMING = {"seconds", "samples_per_second"}
OPTIONS = ("--max_train_steps", "4", "--train_batch_size", "1", "--checkpointing_steps", "4")
SHEETS = ("--validation_steps", "2", "--num_validation_images", "2")


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr(sheet, "STEPS", 3)


def pixels(output, step):
    """The whole sheet's last row of pictures, without the captions, which name the step."""
    return np.asarray(Image.open(output / "samples" / f"step-{step:06d}.png")).astype(int)[-136:-8]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def states():
    """Everything that draws at random for whoever asks."""
    return random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()


def same_training(first, second):
    a, b = read_weights(first).tensors, read_weights(second).tensors
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
    kept = ([{k: v for k, v in line.items() if k not in TIMING} for line in metrics(path)] for path in (first, second))
    assert next(kept) == next(kept)


@pytest.mark.parametrize(
    ("variant", "extra"),
    [
        ("bcm", ("--train_text_encoder",)),
        ("dual", ("--mixed_precision", "bf16")),
        ("bcm", ("--gradient_checkpointing", "--no-cache_latents")),
    ],
)
def test_sheets_leave_no_trace_in_the_training(tmp_path, monkeypatch, variant, extra):
    write, seen = SampleSheets.write, []

    def watched(self, step, *, stopped, reporter):
        masks = [set(masks._made) for masks in self.training.model.masks]
        before = states()
        assert write(self, step, stopped=stopped, reporter=reporter) is None
        seen.append(step)
        assert states() == before
        assert [set(masks._made) for masks in self.training.model.masks] == masks

    monkeypatch.setattr(SampleSheets, "write", watched)
    assert train(tmp_path / "without", *OPTIONS, *extra, variant=variant) == 0
    assert not (tmp_path / "without" / "samples").exists()
    assert train(tmp_path / "with", *OPTIONS, *SHEETS, *extra, variant=variant) == 0
    assert seen == [2, 4]
    same_training(tmp_path / "without", tmp_path / "with")
    assert names(tmp_path / "with" / "samples") == ["step-000002.png", "step-000004.png", "thumbnails"]
    for step in seen:
        assert pixels(tmp_path / "with", step).shape[1] == 4 * (128 + 8) + 8  # cells of 64 px are enlarged


def test_a_sheet_shows_the_weights_at_hand_and_its_own_prompt(tmp_path):
    assert train(tmp_path / "a", *OPTIONS, *SHEETS) == 0
    assert np.abs(pixels(tmp_path / "a", 2) - pixels(tmp_path / "a", 4)).max() > 2
    same = ("--resume_from_checkpoint", "checkpoint-4", "--learning_rate", "0", "--max_train_steps", "6")
    assert train(tmp_path / "a", *OPTIONS, *SHEETS, *same) == 0
    assert np.array_equal(pixels(tmp_path / "a", 4), pixels(tmp_path / "a", 6))
    assert train(tmp_path / "b", *OPTIONS, *SHEETS, "--validation_prompt", "a broken toothbrush") == 0
    assert not np.array_equal(pixels(tmp_path / "a", 4), pixels(tmp_path / "b", 4))
    assert train(tmp_path / "c", *OPTIONS, *SHEETS, "--validation_prompt", "a vfx with sks") == 0
    assert np.array_equal(pixels(tmp_path / "a", 4), pixels(tmp_path / "c", 4))


def test_a_signal_during_a_sheet_ends_the_run_with_a_checkpoint(tmp_path, monkeypatch, capfd):
    predict, calls = Sampler._predict, []

    def interrupted(self, *values):
        calls.append(1)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return predict(self, *values)

    monkeypatch.setattr(Sampler, "_predict", interrupted)
    assert train(tmp_path, *SHEETS, "--max_train_steps", "100", "--train_batch_size", "1") == 130
    assert len(calls) == 2  # the second call is refused, a third never asked for
    assert "no sample sheet of step 2: the run is ending" in capfd.readouterr().err
    assert not list(tmp_path.glob("samples/*"))
    assert open_checkpoint(tmp_path / "checkpoint-3").step == metrics(tmp_path)[-1]["step"] == 3


def test_a_sheet_that_cannot_be_written_does_not_end_the_training(tmp_path, capsys):
    (tmp_path / "samples").write_text("in the way")
    assert train(tmp_path, *OPTIONS, *SHEETS) == 0
    said = capsys.readouterr().err
    assert "no sample sheet of step 2, training goes on: Cannot write" in said
    assert (tmp_path / "samples").read_text() == "in the way"
    assert [line["step"] for line in metrics(tmp_path)] == [1, 2, 3, 4]


def test_what_a_killed_run_left_of_a_sheet_is_removed(tmp_path):
    (tmp_path / "samples").mkdir()
    for name in (".step-000002.png.abc", "step-000002.png"):
        (tmp_path / "samples" / name).touch()
    with claimed(tmp_path):
        assert names(tmp_path / "samples") == ["step-000002.png"]


def test_pairs_are_named_while_they_are_drawn_and_stand_beside_a_real_image(tmp_path, capsys):
    assert train(tmp_path, *OPTIONS, *SHEETS, "--report_to", "tensorboard") == 0
    said = capsys.readouterr().err
    assert "drawing samples/step-000002.png 1/2" in said
    assert "drawing samples/step-000004.png 2/2" in said
    sheet = pixels(tmp_path, 4)
    # The real image stays, what is generated changes from sheet to sheet.
    before = pixels(tmp_path, 2)
    assert np.array_equal(before[-136:, 8:136], sheet[-136:, 8:136])
    assert not np.array_equal(before[-136:, 144:272], sheet[-136:, 144:272])
    events = b"".join(path.read_bytes() for path in (tmp_path / "logs").rglob("events*"))
    assert events.count(b"\x89PNG") == 2
