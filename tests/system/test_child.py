"""A child that will not end: the deadline holds, nothing of it is left, and who insists need not wait."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dualano_setup.system import child
from dualano_setup.system.child import run_child
from dualano_setup.system.probe_command import run
from dualano_setup.system.processes import members
from tests.places import PATIENCE, ROOT

DEAF = "trap '' TERM HUP INT;"


def _escaping(folder: Path) -> list[str]:
    """A child that ignores all polite signals, with a grandchild of the same kind that left the session.

    The grandchild holds the child's pipes open and writes its pid to `folder`/escaped.
    """
    (folder / "grandchild.sh").write_text(f"{DEAF}\necho $$ > {folder}/escaped\nwhile :; do sleep 0.2; done\n")
    return ["sh", "-c", f"{DEAF} setsid sh {folder}/grandchild.sh & while :; do sleep 0.2; done"]


def _pid(file: Path) -> int:
    end = time.monotonic() + PATIENCE
    while not (file.exists() and file.read_text().strip()):
        assert time.monotonic() < end, "it never started"
        time.sleep(0.02)
    return int(file.read_text())


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_an_installers_deadline_holds_and_the_escaped_grandchild_ends_too(tmp_path, monkeypatch):
    monkeypatch.setattr(child, "GRACE", 0.5)
    log = tmp_path / "log"
    began = time.monotonic()
    status = run_child(_escaping(tmp_path), dict(os.environ), tmp_path, log, 1.0)
    assert time.monotonic() - began < PATIENCE
    assert status == -signal.SIGKILL
    assert "ran past" in log.read_text()
    assert not _lives(_pid(tmp_path / "escaped"))


def test_what_a_child_leaves_behind_when_it_ends_well_ends_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr(child, "GRACE", 0.5)
    script = (
        f"setsid sh -c 'echo $$ > {tmp_path}/escaped; exec sleep 60' & while ! [ -s {tmp_path}/escaped ]; do :; done"
    )
    assert run_child(["sh", "-c", script], dict(os.environ), tmp_path, tmp_path / "log", 10) == 0
    assert not _lives(_pid(tmp_path / "escaped"))


def test_a_probes_deadline_holds_although_a_grandchild_keeps_its_pipes_open(tmp_path):
    began = time.monotonic()
    outcome = run(_escaping(tmp_path), deadline=1.0, variables=dict(os.environ))
    assert time.monotonic() - began < PATIENCE
    assert (outcome.status, outcome.timed_out) == (None, True)
    os.kill(_pid(tmp_path / "escaped"), signal.SIGKILL)


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_second_ctrl_c_does_not_wait_for_a_deaf_child(tmp_path, first):
    program = (
        "import os, sys; from pathlib import Path; from dualano_setup.system import child\n"
        "folder = Path(sys.argv[1])\n"
        "child.GRACE = 10 * float(sys.argv[3])\n"
        "child.run_child(['sh', '-c', sys.argv[2]], dict(os.environ), folder, folder / 'log', 300)"
    )
    script = f"{DEAF} echo $$ > {tmp_path}/pid; while :; do sleep 0.2; done"
    doctor = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), script, str(PATIENCE)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deaf = _pid(tmp_path / "pid")
    doctor.send_signal(first)
    time.sleep(0.5)
    assert doctor.poll() is None
    assert _lives(deaf)
    doctor.send_signal(signal.SIGINT)
    doctor.wait(PATIENCE)  # and not for the whole grace, which is ten times that
    assert not _lives(deaf)
    assert members(str(tmp_path)) == []
