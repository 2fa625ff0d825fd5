"""`train` as a process with a stand-in for the training environment: a signal ends it well.

The environment's Python is a script in accelerate's place: it starts the stand-in trainer as a child of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dualano_setup.runs.folder import every
from dualano_setup.runs.look import RunView, look_at
from tests.places import ROOT
from tests.processes import MARK, running
from tests.runs.standin import LAUNCHER, TRAINER, steps_done, wait_for

TRAIN = ("train", "--force", "--env", "env", "--model", "m", "--data", "d", "--category", "c", "--anomaly", "a",
         "--foreground", "f")  # fmt: skip


@pytest.fixture
def project(tmp_path) -> Path:
    """A project whose environment trains with the stand-in."""
    project = tmp_path / "project"
    (project / "env" / "bin").mkdir(parents=True)
    (project / "env" / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    (project / "env" / "pyvenv.cfg").write_text("home = /usr/bin\nversion_info = 3.11.0\n")
    for name, source in (("trainer.py", TRAINER), ("launcher.py", LAUNCHER)):
        (tmp_path / name).write_text(source)
    python = project / "env" / "bin" / "python"
    python.write_text(
        "#!/bin/sh\n"
        'while [ "$1" != --output_dir ]; do shift; done\n'
        f'exec {sys.executable} {tmp_path}/launcher.py {tmp_path}/trainer.py "$2" 1200 0.05\n'
    )
    python.chmod(0o755)
    return project


def _variables(project: Path) -> dict[str, str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("DUALANO_", "HF_"))}
    return variables | {"PYTHONPATH": str(ROOT), "HOME": str(project.parent), MARK: str(project)}


def _start(project: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "dualano_setup", *TRAIN, *arguments, "--offline", "--", "--output_dir", "output"]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = _variables(project) | variables
    return subprocess.Popen(command, cwd=project, env=environment, text=True, start_new_session=True, **pipes)


def _see(project: Path) -> RunView:
    (run,) = every(project / ".dualano")
    record = run.record()
    assert record
    return look_at(run, record)


def _trains(project: Path) -> bool:
    runs = every(project / ".dualano")
    record = runs[0].record() if runs else None
    return bool(record and steps_done(record) >= 2)


@pytest.mark.parametrize(
    ("how", "status", "state"),
    [(signal.SIGINT, 130, "stopped"), (signal.SIGTERM, -15, "interrupted"), (signal.SIGHUP, -1, "interrupted")],
)
def test_a_foreground_training_ends_with_a_checkpoint(project, how, status, state):
    train = _start(project)
    wait_for(lambda: _trains(project))
    os.killpg(train.pid, how)
    _, said = train.communicate()
    assert (train.returncode, "Traceback" in said) == (status, False), said
    wait_for(lambda: running(str(project)) == [])
    view = _see(project)
    assert view.verdict.state == state
    assert view.checkpoint == f"checkpoint-{steps_done(view.record)}"
    if how == signal.SIGINT:
        assert f"wrote {view.checkpoint}" in said
        assert f"dualano-doctor resume {view.run.name}" in said


def test_a_killed_foreground_training_ends_as_well(project):
    """Nothing can be done by who is killed: the supervisor sees that it is gone."""
    train = _start(project)
    wait_for(lambda: _trains(project))
    train.kill()
    train.communicate()
    wait_for(lambda: running(str(project)) == [])
    view = _see(project)
    assert view.verdict.state == "interrupted"
    assert view.checkpoint


def test_a_detached_training_outlives_the_terminal_it_was_started_at(project):
    pid, terminal = os.forkpty()
    if pid == 0:
        os.chdir(project)
        os.environ.clear()
        os.environ.update(_variables(project))
        command = [
            sys.executable,
            "-m",
            "dualano_setup",
            *TRAIN,
            "--detach",
            "--offline",
            "--",
            "--output_dir",
            "output",
        ]
        os.execv(sys.executable, command)
    wait_for(lambda: _trains(project))
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    before = steps_done(_see(project).record)
    wait_for(lambda: steps_done(_see(project).record) > before + 2)
    assert _see(project).verdict.state == "running"
    stop = [sys.executable, "-m", "dualano_setup", "stop"]
    done = subprocess.run(stop, cwd=project, env=_variables(project), capture_output=True, text=True)
    assert done.returncode == 0
    assert "wrote checkpoint-" in done.stdout
    assert running(str(project)) == []


@pytest.mark.parametrize(
    ("how", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGHUP, -1), (signal.SIGKILL, -9)]
)
def test_a_detached_training_that_is_ended_while_it_starts_does_not_begin(project, how, status):
    """It goes on by itself from when that is said, and not before."""
    slow = project.parent / "slow"
    slow.mkdir()
    (slow / "sitecustomize.py").write_text(
        "import sys, time\nif 'dualano_setup.runs.launch.supervisor' in sys.orig_argv: time.sleep(1.5)\n"
    )
    train = _start(project, "--detach", PYTHONPATH=f"{ROOT}:{slow}")
    # Its record is there, and so the supervisor soon, which is not up yet.
    wait_for(lambda: every(project / ".dualano") and len(running(str(project))) == 2)
    os.killpg(train.pid, how)
    told, said = train.communicate()
    assert (train.returncode, told, "Traceback" in said) == (status, "", False), said
    wait_for(lambda: running(str(project)) == [])
    assert not (project / "output").exists()
    if how == signal.SIGKILL:
        assert _see(project).verdict.state == "interrupted"
