"""Whole processes among other doctors, forged journals, pipes in place of files, and without a network."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dualano_setup.repairs.action import Plan
from dualano_setup.repairs.actions.files import WriteFile
from dualano_setup.repairs.journal.apply import Session, apply_plan
from dualano_setup.repairs.journal.journal import all_fixes, new_id, open_fix
from dualano_setup.repairs.journal.lock import LockedError, locked
from dualano_setup.repairs.journal.undo import find_fix, not_followed, recover
from dualano_setup.system.child import run_child
from tests.places import PATIENCE, ROOT

BROKEN = "mixed_precision: fp8\n# mine\nnum_processes: 4\n"


@pytest.fixture
def variables(tmp_path):
    (tmp_path / "project").mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DUALANO_", "ACCELERATE_", "VIRTUAL_ENV"))}
    return kept | {"HF_HOME": str(tmp_path / "hf"), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "hf" / "accelerate" / "default_config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(BROKEN)
    return file


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dualano_setup", *arguments]


def doctor(tmp_path, variables, *arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, *command(*arguments)],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=tmp_path / "project", env=variables,
        check=False,
    )  # fmt: skip


def test_eight_doctors_fix_one_project(tmp_path, variables, config):
    line = command("fix", "--yes", "--only", "ACC002,ACC003,ACC004", "--offline")
    doctors = [
        subprocess.Popen(line, cwd=tmp_path / "project", env=variables, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _number in range(8)
    ]  # fmt: skip
    said = [one.communicate() for one in doctors]
    assert sum("Done." in out for out, _err in said) == 1
    # The others found nothing left to do, or waited their ten seconds and said who holds the lock.
    assert all("Done." in out or "Nothing to repair" in out or "another dualano-doctor" in err for out, err in said)
    assert len(all_fixes(tmp_path / "project")) == 1
    assert "fp8" not in config.read_text()
    undone = doctor(tmp_path, variables, "undo", "--offline")
    assert (undone.returncode, config.read_text()) == (0, BROKEN), undone.stderr


def test_an_environment_is_locked_across_projects(tmp_path):
    environment = tmp_path / "shared" / "env"
    environment.mkdir(parents=True)
    handles = [tmp_path / "one", tmp_path / "two"]
    for project in handles:
        project.mkdir()
    refused = pytest.raises(LockedError, match="from another project")
    with locked(handles[0], [environment]), refused, locked(handles[1], [environment], patience=0.1):
        pass
    with locked(handles[1], [environment], patience=0):
        pass


def test_one_that_is_not_there_yet_is_locked_by_its_parent(tmp_path):
    for name in ("one", "two", "shared"):
        (tmp_path / name).mkdir()
    missing = tmp_path / "shared" / "env"
    refused = pytest.raises(LockedError)
    with locked(tmp_path / "one", [missing]), refused, locked(tmp_path / "two", [missing], patience=0.1):
        pass


def test_a_journal_that_came_with_the_project_is_not_followed(tmp_path):
    project, victim = tmp_path / "project", tmp_path / "bashrc"
    project.mkdir()
    victim.write_text("mine")
    action = WriteFile(victim, b"ours", "", ("ACC001",), "")
    victim.unlink()
    assert apply_plan(Plan(new_id(project), (action,), ""), Session(project, say=lambda _line: None)).status == 0
    copied = tmp_path / "copied"
    shutil.copytree(project, copied)
    last = next((copied / ".dualano/fixes").glob("*/journal.jsonl"))
    last.write_text("".join(last.read_text().splitlines(keepends=True)[:2]))  # as if cut off in its middle
    assert recover(copied, Session(copied).workshop) == []
    assert victim.read_bytes() == b"ours"
    assert all_fixes(copied) == []
    assert "was not written here" in not_followed(copied)[0]
    assert find_fix(project, None).state() == "finished"


def test_a_child_that_outlived_a_killed_doctor_is_ended_by_the_next(tmp_path):
    journal = open_fix(tmp_path, Plan(new_id(tmp_path), (WriteFile(tmp_path / "f", b"", "", (), ""),), ""))
    journal.write("intent", action=0)
    log = journal.action_folder(0) / "tool.log"
    child = os.fork()
    if child == 0:
        run_child(["sleep", "300"], dict(os.environ), tmp_path, log, 300)
        os._exit(0)
    deadline = time.monotonic() + PATIENCE
    while not (started := _sleepers(log)) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert _sleepers(log) == started != []
    assert "taken back" in recover(tmp_path, Session(tmp_path).workshop)[0]
    assert _sleepers(log) == []


def _sleepers(log: Path) -> list[int]:
    from dualano_setup.system.processes import members

    return [identity.pid for identity in members(str(log.parent))]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_check_leaves_nothing_running(tmp_path, variables, how):
    """A hanging nvidia-smi that ignores every polite signal ends with the check."""
    tools = tmp_path / "bin"
    tools.mkdir()
    smi = tools / "nvidia-smi"
    smi.write_text(f"#!/bin/sh\ntrap '' TERM HUP INT\necho $$ >> {tmp_path}/pids\nsleep 120\n")
    smi.chmod(0o755)
    variables["PATH"] = f"{tools}:{variables['PATH']}"
    check = subprocess.Popen(command("check", "--offline"), cwd=tmp_path / "project", env=variables,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    deadline = time.monotonic() + PATIENCE
    while not (tmp_path / "pids").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    check.send_signal(how)
    status = check.wait()
    assert status == (130 if how == signal.SIGINT else -how)
    time.sleep(0.2)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert pids
    assert [pid for pid in pids if _runs(pid)] == []


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_deadline_holds_for_a_stopped_child_that_ignores_signals(tmp_path):
    began = time.monotonic()
    script = "trap '' TERM; kill -STOP $$; sleep 60"
    status = run_child(["sh", "-c", script], dict(os.environ), tmp_path, tmp_path / "log", 0.5)
    assert status == -signal.SIGKILL
    assert time.monotonic() - began < 45
    assert "ran past" in (tmp_path / "log").read_text()


def test_pipes_in_place_of_files_are_not_waited_for(tmp_path, variables):
    project = tmp_path / "project"
    places = {
        "checkout": ("requirements.txt", "bcm-dual-interrelated_diff/train.py"),
        "model": ("model_index.json", "unet/config.json"),
        "data": ("widget/test/bad/000.png", "widget/ground_truth/bad/000_mask.png"),
        "hf": ("accelerate/default_config.yaml",),
    }
    for root, names in places.items():
        for name in names:
            pipe = (tmp_path if root == "hf" else project) / root / name
            pipe.parent.mkdir(parents=True, exist_ok=True)
            os.mkfifo(pipe)
    (project / "data/widget/test/bad/loop").symlink_to("loop")
    os.mkfifo(project / "dualano.toml")
    flags = [part for root in ("checkout", "model", "data") for part in (f"--{root}", str(project / root))]
    done = doctor(
        tmp_path, variables, "check", "--json", "--offline", *flags, "--category", "widget", "--anomaly", "bad"
    )
    assert json.loads(done.stdout)["ok"] is False
    assert done.returncode in (1, 3)


def test_names_with_escapes_do_not_reach_the_terminal(tmp_path, variables):
    project = tmp_path / "project"
    folder = project / "data" / "widget" / "test" / "bad"
    folder.mkdir(parents=True)
    (folder / "evil\x1b]0;owned\x07\n.txt").write_text("x")
    (project / "data/widget/train/good").mkdir(parents=True)
    line = ("--data", str(project / "data"), "--category", "widget", "--anomaly", "bad", "--offline")
    for verb in (("check", "-vv"), ("fix", "--plan", "-v", "--only", "DATA008")):
        done = doctor(tmp_path, variables, *verb, *line)
        assert "\x1b" not in done.stdout + done.stderr
        assert "\x07" not in done.stdout + done.stderr


def _traced() -> bool:
    if not (shutil.which("strace") and shutil.which("unshare")):
        return False
    tried = ["unshare", "-rn", "strace", "-f", "-e", "trace=socket", "true"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _traced(), reason="strace or network namespaces are not available here")
def test_without_a_network_every_command_works_and_opens_no_socket(tmp_path, variables, config):
    trace = tmp_path / "trace"
    before = ("unshare", "-rn", "strace", "-f", "-qq", "-e", "trace=socket,connect", "-o", str(trace))
    checkout = tmp_path / "project" / "clone"
    checkout.mkdir()
    (tmp_path / "log").write_text("CUDA out of memory\n")
    only = ("--only", "ACC002,ACC003,ACC004")
    lines = {
        ("check", "--offline", "--for", "here"): (1, 3), ("fix", "--plan", *only, "--offline"): (0,),
        ("fix", "--yes", *only, "--offline"): (0, 1, 3), ("undo",): (0,), ("rule",): (0,), ("rule", "PKG004"): (0,),
        ("profile",): (0,), ("profile", "cpu"): (0,), ("patch", "status", str(checkout)): (0, 1), ("runs",): (0,),
        ("status",): (0, 2), ("logs",): (2,), ("explain", str(tmp_path / "log")): (0, 1), ("init",): (0,),
    }  # fmt: skip
    for line, statuses in lines.items():
        done = doctor(tmp_path, variables, *line, before=before)
        assert done.returncode in statuses, (line, done.stderr)
        opened = [row for row in trace.read_text().splitlines() if "socket(" in row or "connect(" in row]
        assert opened == [], line
    assert config.read_text() == BROKEN
