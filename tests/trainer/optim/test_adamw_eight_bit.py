"""AdamW with moments in 8 bits trains like AdamW, resumes exactly, and is not mixed up with it."""

from __future__ import annotations

import pytest

from tests.trainer.runs import losses, train

pytest.importorskip("bitsandbytes")
WEIGHTS = "pytorch_lora_weights.safetensors"
SHORT = ("--max_train_steps", "6", "--checkpointing_steps", "3", "--train_text_encoder", "--deterministic")
EIGHT = (*SHORT, "--use_8bit_adam")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of six steps."""
    folder = tmp_path_factory.mktemp("whole")
    assert train(folder, *EIGHT) == 0
    return folder


def test_it_follows_adamw(whole, tmp_path):
    assert train(tmp_path, *SHORT) == 0
    plain, eight = losses(tmp_path), losses(whole)
    assert eight[0] == plain[0]
    assert eight != plain
    assert eight == pytest.approx(plain, rel=0.02)


def test_a_resumed_run_has_the_same_weights_to_the_last_bit(whole, tmp_path):
    assert train(tmp_path, *EIGHT, "--max_train_steps", "3") == 0
    assert train(tmp_path, *EIGHT, "--resume_from_checkpoint", "latest") == 0
    assert losses(tmp_path) == losses(whole)
    assert (tmp_path / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()


@pytest.mark.parametrize(("first", "then"), [(EIGHT, SHORT), (SHORT, EIGHT)])
def test_a_run_with_the_other_kind_of_moments_is_not_resumed(tmp_path, capsys, first, then):
    assert train(tmp_path, *first, "--max_train_steps", "3") == 0
    assert train(tmp_path, *then, "--resume_from_checkpoint", "latest") == 1
    assert "--use_8bit_adam" in capsys.readouterr().err
