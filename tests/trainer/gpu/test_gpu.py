"""On a GPU: a CUDA graph changes how a pass is started, never what it computes. Skipped without a GPU."""

from __future__ import annotations

import pytest
import torch

from tests.trainer import runs

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


#: Libraries choose other low-precision kernels for the text encoder while a graph is recorded.
SAME = {"no": 0.0, "bf16": 5e-3, "fp16": 5e-3}


@pytest.mark.parametrize("precision", SAME)
def test_a_graph_takes_the_steps_that_are_taken_without(tmp_path, precision):
    same = ("--max_train_steps", "20", "--mixed_precision", precision, "--deterministic", "--train_text_encoder")
    assert runs.train(tmp_path / "eager", *same, "--no-cuda_graph") == 0
    assert runs.train(tmp_path / "graph", *same, "--cuda_graph") == 0
    found = runs.losses(tmp_path / "graph")
    assert found == pytest.approx(runs.losses(tmp_path / "eager"), rel=SAME[precision], abs=0)


@pytest.mark.parametrize("precision", SAME)
def test_a_deterministic_run_repeats_itself_to_the_last_bit(tmp_path, precision):
    same = ("--max_train_steps", "20", "--mixed_precision", precision, "--deterministic", "--train_text_encoder")
    for name in ("first", "second"):
        assert runs.train(tmp_path / name, *same) == 0
    first, second = (tmp_path / name / "pytorch_lora_weights.safetensors" for name in ("first", "second"))
    assert runs.losses(tmp_path / "first") == runs.losses(tmp_path / "second")
    assert first.read_bytes() == second.read_bytes()


def test_accumulated_passes_through_a_graph_add_up(tmp_path):
    same = ("--max_train_steps", "6", "--mixed_precision", "bf16", "--deterministic")
    parts = ("--train_batch_size", "1", "--gradient_accumulation_steps", "2")
    assert runs.train(tmp_path / "eager", *same, *parts, "--no-cuda_graph") == 0
    assert runs.train(tmp_path / "graph", *same, *parts, "--cuda_graph") == 0
    assert runs.losses(tmp_path / "eager") == runs.losses(tmp_path / "graph")
