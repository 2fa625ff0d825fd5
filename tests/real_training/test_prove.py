"""`prove` as a command: the bundled trainer under the real `accelerate launch`, and environments that cannot train."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
import venv
from dataclasses import replace
from pathlib import Path

import pytest

from dualano_setup.cli.prove import _text
from dualano_setup.runs.proof import Proof
from tests.places import PATIENCE, ROOT
from tests.processes import MARK, running
from tests.runs.standin import LAUNCHER, TRAINER, wait_for

pytest.importorskip("accelerate", reason="needs a training environment: the tests' own")

PIPES = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


def start(project: Path, *arguments: str, env: str = sys.prefix) -> subprocess.Popen[str]:
    """`prove ARGUMENTS` in the project, in a session of its own."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("DUALANO_", "HF_"))}
    variables |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", MARK: str(project)}
    command = [sys.executable, "-m", "dualano_setup", "prove", "--offline", "--env", env, *arguments]
    return subprocess.Popen(command, cwd=project, env=variables, start_new_session=True, **PIPES)


@pytest.fixture(scope="module")
def proved(tmp_path_factory) -> tuple[Path, int, str, str]:
    """A project in which `prove --json` went all the way with nothing named: it, the exit status, stdout, stderr."""
    project = tmp_path_factory.mktemp("proved")
    prove = start(project, "--json")
    said = prove.communicate()
    return project, prove.returncode, *said


@pytest.mark.slow
def test_two_steps_and_a_third_from_the_checkpoint(proved):
    project, status, told, said = proved
    assert status == 0, said
    proof = json.loads(told)
    assert len(proof["losses"]) == 3
    assert all(math.isfinite(loss) and loss > 0 for loss in proof["losses"])
    assert 0 < proof["seconds_per_step"] < 60
    assert proof["usual_seconds"] == pytest.approx(5000 * proof["seconds_per_step"])
    assert (proof["checkpoint"], proof["miniature"]) == ("checkpoint-2", True)
    import torch

    assert (proof["memory"] is None) is not torch.cuda.is_available()
    # The third step came from the checkpoint, in a run of its own.
    assert re.search(r"3 steps from step 2 of \S+checkpoint-2", said)
    assert [path.name for path in (project / ".dualano").iterdir()] == ["miniature"]
    assert running(str(project)) == []


def test_what_people_are_told():
    proof = Proof((1.25, 1.0, 0.75), 0.72, 7.6, "checkpoint-2", miniature=False)
    assert _text(proof) == (
        "Training works here. Losses 1.2500, 1.0000, 0.7500; peak GPU memory 7.60 GiB.\n"
        "0.72 s a step: 5000 steps take about 1 h 0 min.\n"
        "checkpoint-2 was written, read back and trained on.\n"
    )
    on_a_cpu = _text(replace(proof, memory=None, miniature=True))
    assert "no GPU was used" in on_a_cpu
    assert "on the miniature; with --model and --data it tells your own training's" in on_a_cpu


OWN = (
    "--model", "m", "--data", "d", "--category", "c", "--anomaly", "a", "--foreground", "f", "--", "--resolution", "64",
)  # fmt: skip


def _environment(folder: Path, script: str) -> str:
    """An environment whose Python is a shell script; a real one takes ten seconds to begin."""
    env = folder / "env"
    (env / "bin").mkdir(parents=True)
    (env / "pyvenv.cfg").write_text("home = /usr/bin\nversion_info = 3.11.0\n")
    (env / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    python = env / "bin" / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    return str(env)


def _trainer(folder: Path, words: str) -> str:
    """The same with a stand-in in the trainer's place, a child of the launcher."""
    for name, source in (("trainer.py", TRAINER), ("launcher.py", LAUNCHER)):
        (folder / name).write_text(source)
    find_output = 'while [ "$1" != --output_dir ]; do shift; done'
    return _environment(
        folder, f'{find_output}; exec {sys.executable} {folder}/launcher.py {folder}/trainer.py "$2" {words}'
    )


def test_a_training_that_fails_is_told_with_its_log(tmp_path):
    prove = start(tmp_path, *OWN, env=_trainer(tmp_path, "4 0.01 crash"))
    told, said = prove.communicate()
    own = said.partition("dualano-doctor: the training failed")[2]  # after the trainer's own words
    assert (prove.returncode, told, "Traceback" in own) == (1, "", False), said
    assert "mat1 and mat2" in own
    log = Path(re.search(r"its log: (\S+)", said)[1])
    assert "mat1 and mat2" in log.read_text()
    assert running(str(tmp_path)) == []


def test_an_environment_without_packages_is_refused_in_words(tmp_path):
    venv.create(tmp_path / "bare", symlinks=True)
    prove = start(tmp_path, env=str(tmp_path / "bare"))
    told, said = prove.communicate()
    assert (prove.returncode, told, "Traceback" in said) == (1, "", False), said
    assert f"The environment {tmp_path}/bare lacks a package" in said
    assert "`dualano-doctor fix`" in said


def test_no_environment_is_refused_in_words(tmp_path):
    prove = start(tmp_path, env=str(tmp_path / "none"))
    told, said = prove.communicate()
    assert (prove.returncode, told, "Traceback" in said) == (1, "", False), said
    assert "dualano-doctor fix" in said


@pytest.mark.parametrize(("how", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGHUP, -1)])
def test_a_signal_while_the_miniature_is_made(tmp_path, how, status):
    """That is a program of its own; interrupted, it has not failed."""
    env = _environment(tmp_path, f"echo x > {tmp_path}/reached\nwhile :; do sleep 0.1; done")
    prove = start(tmp_path, env=env)
    wait_for((tmp_path / "reached").exists)
    os.killpg(prove.pid, how)
    _, said = prove.communicate()
    assert (prove.returncode, "Traceback" in said, "could not be made" in said) == (status, False, False), said
    assert running(str(tmp_path)) == []


def test_ctrl_c_in_the_middle_of_the_proof(tmp_path):
    """The trainer is asked, ends, and nothing advises to go on with what a proof left."""
    prove = start(tmp_path, *OWN, env=_trainer(tmp_path, "1200 0.05"))
    log = tmp_path / ".dualano" / "prove" / "runs"
    wait_for(lambda: any("step 1 done" in file.read_text() for file in log.glob("*/log")))
    os.killpg(prove.pid, signal.SIGINT)
    began = time.monotonic()
    _, said = prove.communicate()
    assert (prove.returncode, "Traceback" in said) == (130, False), said
    assert time.monotonic() - began < PATIENCE  # less than a training is given for its checkpoint
    assert "go on from" not in said
    assert running(str(tmp_path)) == []
