"""A training outlives whoever reads its output."""

from __future__ import annotations

import os
import signal

from tests.places import PATIENCE
from tests.runs.standin import wait_for
from tests.trainer.kills.killing import started
from tests.trainer.runs import arguments


def test_ctrl_c_leaves_a_checkpoint_when_tee_has_gone_first(tmp_path):
    log, metrics = tmp_path / "pipe", tmp_path / "output" / "metrics.jsonl"
    os.mkfifo(log)
    tee = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    training = started(arguments(tmp_path / "output", "--max_train_steps", "100000"), log)
    try:
        wait_for(lambda: metrics.is_file() and metrics.stat().st_size)
        os.close(tee)  # as `2>&1 | tee log` has it: the reader is gone
        os.kill(training.pid, signal.SIGINT)
        training.join(PATIENCE)
        assert training.exitcode == 130
    finally:
        training.kill()
        training.join()
    assert list(tmp_path.glob("output/checkpoint-*/trainer_state.json"))
