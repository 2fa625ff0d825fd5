"""Failures of PyTorch's that a person can do something about are told in words."""

from __future__ import annotations

import pytest
import torch

from tests.trainer import runs
from trainer.train.config import parse_arguments
from trainer.train.failures import advice_for


def config(tmp_path, *flags):
    return parse_arguments(runs.arguments(tmp_path / "out", *flags))[0]


def test_full_memory_names_what_is_left_to_try(tmp_path):
    error = torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    first = advice_for(error, config(tmp_path))
    last = advice_for(
        error,
        config(
            tmp_path,
            "--gradient_checkpointing",
            "--mixed_precision",
            "bf16",
            "--use_8bit_adam",
            "--train_batch_size",
            "1",
        ),
    )
    assert "--gradient_checkpointing, --mixed_precision bf16" in first
    assert "--train_batch_size 1 --gradient_accumulation_steps 2" in first
    assert "a GPU with more memory" in last


def test_a_kernel_that_cannot_repeat_itself_is_named(tmp_path):
    torch.use_deterministic_algorithms(True)
    try:
        with pytest.raises(RuntimeError) as raised:
            torch.zeros(3).put_(torch.tensor([0]), torch.ones(1))
    finally:
        torch.use_deterministic_algorithms(False)
    message = advice_for(raised.value, config(tmp_path, "--deterministic"))
    assert message is not None
    assert "put_" in message
    assert "Leave the flag out" in message
    assert advice_for(raised.value, config(tmp_path)) is None


def test_other_failures_stay_as_they_are(tmp_path):
    assert advice_for(RuntimeError("mat1 and mat2 shapes cannot be multiplied"), config(tmp_path)) is None
