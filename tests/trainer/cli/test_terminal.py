"""A training outlives whoever reads its output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from tests.places import PATIENCE, ROOT
from tests.trainer.runs import arguments


def test_ctrl_c_leaves_a_checkpoint_when_tee_has_gone_first(tmp_path):
    command = [sys.executable, "-m", "trainer", *arguments(tmp_path, "--max_train_steps", "100000")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    training = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, env=environment,
    )  # fmt: skip
    try:
        metrics, end = tmp_path / "metrics.jsonl", time.monotonic() + PATIENCE
        while not (metrics.is_file() and metrics.stat().st_size) and time.monotonic() < end:
            time.sleep(0.1)
        training.stderr.close()  # as `2>&1 | tee log` has it: the reader is gone
        training.send_signal(signal.SIGINT)
        assert training.wait() == 130
    finally:
        training.kill()
        training.wait()
    assert list(tmp_path.glob("checkpoint-*/trainer_state.json"))
