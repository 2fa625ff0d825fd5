"""A trainer's tool ends with the doctor that started it, whichever signal ends that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dualano_setup.system.processes import identify
from tests.places import PATIENCE, ROOT

#: The pause between asking and killing is longer here than any test: who insists need not wait for it.
SCRIPT = """
import sys
from dualano_setup.runs.launch import tools
tools.GRACE_SECONDS = 10 * float(sys.argv[2])
tools.run_tool(sys.argv[1], "trainer.miniature", ())
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_it_ends(tmp_path, how):
    tool = tmp_path / "python"
    tool.write_text(
        f"#!/bin/sh\ntrap '' HUP\necho $$ > {tmp_path}/pid.new\nmv {tmp_path}/pid.new {tmp_path}/pid\nexec sleep 100\n"
    )
    tool.chmod(0o755)
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    doctor = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tool), str(PATIENCE)], env=variables)
    deadline = time.monotonic() + PATIENCE
    while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    pid = int((tmp_path / "pid").read_text())
    doctor.send_signal(how)
    assert doctor.wait() == -how
    assert not Path(f"/proc/{pid}").exists()


def _started(tmp_path: Path, body: str) -> tuple[subprocess.Popen[bytes], int]:
    """A doctor (in a session without a terminal) that runs a tool made of that shell script, and the tool's pid."""
    tool = tmp_path / "python"
    tool.write_text(f"#!/bin/sh\n{body}\n")
    tool.chmod(0o755)
    doctor = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tool), str(PATIENCE)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return doctor, _pid(tmp_path / "pid")


def _pid(file: Path) -> int:
    deadline = time.monotonic() + PATIENCE
    while not (file.exists() and file.read_text().strip()):
        assert time.monotonic() < deadline, "it never started"
        time.sleep(0.02)
    return int(file.read_text())


def test_a_kill_int_reaches_the_tool_as_well(tmp_path):
    """A terminal gives its Ctrl-C to all; `kill -INT` only to one process."""
    body = f"trap 'echo asked > {tmp_path}/asked; exit 130' INT; echo $$ > {tmp_path}/pid; while :; do sleep 0.1; done"
    doctor, tool = _started(tmp_path, body)
    doctor.send_signal(signal.SIGINT)
    assert doctor.wait() == -signal.SIGINT  # Python's own end after a KeyboardInterrupt
    assert (tmp_path / "asked").exists()
    assert identify(tool) is None


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_a_deaf_tool_and_what_left_its_session_end_when_insisted(tmp_path, how):
    deaf = "trap '' TERM HUP INT;"
    body = (
        f'{deaf} setsid sh -c "{deaf} echo \\$\\$ > {tmp_path}/escaped; while :; do sleep 0.1; done" &\n'
        f"while ! [ -s {tmp_path}/escaped ]; do :; done; echo $$ > {tmp_path}/pid; while :; do sleep 0.1; done"
    )
    doctor, tool = _started(tmp_path, body)
    doctor.send_signal(how)
    time.sleep(0.3)
    assert identify(tool)
    doctor.send_signal(signal.SIGINT)
    doctor.wait(PATIENCE)
    assert identify(tool) is None
    assert identify(_pid(tmp_path / "escaped")) is None
