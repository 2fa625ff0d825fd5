"""`train` on a terminal with the real trainer under the real `accelerate launch`, ended by Ctrl-C."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from dualano_setup.runs.ending import CHECKPOINT_SECONDS
from dualano_setup.runs.folder import every
from dualano_setup.runs.look import look_at
from dualano_setup.runs.proof import on_the_miniature
from dualano_setup.settings.options import Settings
from dualano_setup.settings.project_file import settings_text, write_settings
from dualano_setup.system.processes import members
from tests.miniature import miniature
from tests.places import ROOT
from tests.runs.standin import read_to_the_end, wait_for

pytest.importorskip("accelerate", reason="needs a training environment: the tests' own")


def test_ctrl_c_while_it_loads_ends_it_in_seconds(tmp_path):
    project = tmp_path / "project"
    _set_up(project)
    pid, terminal = _train_on_a_terminal(project)
    wait_for(lambda: _trainer_is_up(project))
    began = time.monotonic()
    os.write(terminal, b"\x03")
    said = read_to_the_end(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    assert time.monotonic() - began < CHECKPOINT_SECONDS / 4
    (run,) = every(project / ".dualano")
    assert look_at(run, run.record()).verdict.state == "stopped"
    assert "no step yet, so there is nothing to save" in said
    assert "Traceback" not in said


def _trainer_is_up(project: Path) -> bool:
    for run in every(project / ".dualano"):
        record = run.record()
        return bool(record and len(members(record.key)) > 1)
    return False


def test_ctrl_c_ends_a_training_with_a_checkpoint(tmp_path):
    project = tmp_path / "project"
    _set_up(project)
    pid, terminal = _train_on_a_terminal(project)
    wait_for(lambda: (project / "output" / "metrics.jsonl").exists() and _steps(project) >= 2)
    os.write(terminal, b"\x03")  # Ctrl-C, through the terminal's line discipline
    said = read_to_the_end(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    (run,) = every(project / ".dualano")
    view = look_at(run, run.record())
    assert view.verdict.state == "stopped"
    assert view.checkpoint == f"checkpoint-{_steps(project)}"
    assert f"wrote {view.checkpoint}" in said
    assert f"dualano-doctor resume {run.name}" in said


def _set_up(project: Path) -> None:
    project.mkdir()
    # A folder named like an import of the trainer must not get in its way.
    (project / "diffusers").mkdir()
    (project / "diffusers" / "__init__.py").write_text("raise ImportError('the wrong diffusers')")
    mini = on_the_miniature(Settings(project), miniature())
    keys = ("model", "data", "foreground", "category", "anomaly")
    values = {("", key): str(getattr(mini, key)) for key in keys} | {("", "env"): sys.prefix}
    sizes = {("train", "resolution"): 64, ("train", "rank"): 2, ("train", "steps"): 5000, ("train", "output"): "output"}
    write_settings(project, settings_text(values | sizes))


def _train_on_a_terminal(project: Path) -> tuple[int, int]:
    pid, terminal = os.forkpty()
    if pid == 0:
        os.chdir(project)
        os.environ |= {"PYTHONPATH": str(ROOT), "TERM": "xterm", "OMP_NUM_THREADS": "1"}
        os.execv(sys.executable, [sys.executable, "-m", "dualano_setup", "train", "--force"])
    return pid, terminal


def _steps(project: Path) -> int:
    lines = (project / "output" / "metrics.jsonl").read_text().splitlines()
    return json.loads(lines[-1])["step"] if lines else 0
