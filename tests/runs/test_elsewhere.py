"""A project shared by containers and hosts: nobody takes another's live run for a dead one, or for its own.

Two PID namespaces on one folder are two containers on one volume; another UTS namespace is a machine renamed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dualano_setup.runs.ending import end_run
from dualano_setup.runs.state import GONE_SECONDS
from tests.places import ROOT
from tests.runs.standin import doctor, started, steps_done, wait_for


def _can(*flags: str) -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", *flags, "true"], capture_output=True, check=False).returncode == 0


needs_namespaces = pytest.mark.skipif(
    not _can("-pf", "--mount-proc"), reason="making a PID namespace needs root or user namespaces"
)
needs_names = pytest.mark.skipif(not _can("-u"), reason="making a UTS namespace needs root or user namespaces")


def _from(place: tuple[str, ...], project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*place, sys.executable, "-m", "dualano_setup", *arguments]
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=project, env=variables, text=True, capture_output=True, check=False)


CONTAINER = ("unshare", "-pf", "--mount-proc")


@pytest.fixture
def run(tmp_path):
    run = started(tmp_path, pause=0.1)
    wait_for(lambda: steps_done(run.record) >= 1)
    yield run
    end_run(run.run, run.record, patience=5)


@needs_namespaces
def test_another_container_sees_that_it_lives_and_cannot_end_it(tmp_path, run):
    seen = _from(CONTAINER, tmp_path, "status")
    assert seen.returncode == 0
    assert ": elsewhere, started in another container of this machine" in seen.stdout
    assert "go on from" not in seen.stdout
    stopped = _from(CONTAINER, tmp_path, "stop", "--now")
    assert stopped.returncode == 1
    assert "runs elsewhere and cannot be ended from here" in stopped.stdout
    assert not run.run.stop_file.exists()
    before = steps_done(run.record)
    wait_for(lambda: steps_done(run.record) > before)


@needs_namespaces
def test_another_container_sees_the_end(tmp_path, run):
    end_run(run.run, run.record, patience=5)
    wait_for(lambda: run.run.exit() is not None)
    (told,) = json.loads(_from(CONTAINER, tmp_path, "runs", "--json").stdout)
    assert told["state"] == "failed", "ended by its own doing: nobody's request is on record"


@needs_namespaces
def test_elsewhere_ends_when_nothing_is_heard_any_more(tmp_path, run):
    for identity in (run.run.processes().supervisor, run.run.processes().launcher):
        os.kill(identity.pid, 9)
    end_run(run.run, run.record, patience=0)
    assert _from(CONTAINER, tmp_path, "status").returncode == 0
    past = time.time() - GONE_SECONDS - 1
    for file in (run.run.run_file, run.run.process_file, run.run.log, Path(run.record.metrics)):
        os.utime(file, (past, past))
    seen = _from(CONTAINER, tmp_path, "status")
    assert seen.returncode == 1
    assert "taken for ended" in seen.stdout


@needs_names
def test_a_machine_renamed_is_the_same_machine(tmp_path, run):
    renamed = ("unshare", "-u", "sh", "-c", 'hostname another-name; exec "$@"', "sh")
    seen = _from(renamed, tmp_path, "status")
    assert ": running" in seen.stdout
    stopped = _from(renamed, tmp_path, "stop")
    assert stopped.returncode == 0
    assert "wrote checkpoint-" in stopped.stdout


def test_the_supervisor_gives_signs_of_life(tmp_path, run, monkeypatch):
    past = time.time() - 500
    os.utime(run.run.process_file, (past, past))
    wait_for(lambda: run.run.process_file.stat().st_mtime > past + 1)
    logs = doctor(tmp_path, "status")
    assert ": running" in logs.communicate()[0]
