"""Two processes with half the batch each train as one process with the whole batch."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.places import PATIENCE
from tests.trainer.kills.killing import started
from tests.trainer.runs import arguments, losses, train
from trainer.weights.adapter_file import read_weights


def start(rank: int, port: int, output: Path, log: Path, *extra: str) -> Any:
    """One of two processes, as torchrun and accelerate start them."""
    log.touch()
    return started(
        arguments(output, *extra), log, RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", LOCAL_WORLD_SIZE="2",
        MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), ACCELERATE_USE_CPU="true", OMP_NUM_THREADS="1",
    )  # fmt: skip


def test_gradients_are_averaged(tmp_path):
    options = ("--max_train_steps", "3", "--adam_epsilon", "1e-3", "--train_text_encoder")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    logs = [tmp_path / f"{rank}.log" for rank in range(2)]
    two = [
        start(rank, port, tmp_path / "two", log, *options, "--train_batch_size", "1") for rank, log in enumerate(logs)
    ]
    for process in two:
        process.join(PATIENCE)
        process.kill()
    said = [log.read_text() for log in logs]
    assert [process.exitcode for process in two] == [0, 0], said
    assert "x 2 processes" in said[0]
    assert train(tmp_path / "one", *options, "--train_batch_size", "2") == 0
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-5)
    one, both = read_weights(tmp_path / "one").tensors, read_weights(tmp_path / "two").tensors
    for name, value in one.items():
        torch.testing.assert_close(both[name], value, atol=2e-5, rtol=1e-4, msg=name)
