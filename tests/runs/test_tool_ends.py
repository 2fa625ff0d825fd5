"""A trainer's tool ends with the doctor that started it, whichever signal ends that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys
from dualano_setup.runs.tools import run_tool
run_tool(sys.argv[1], "trainer.miniature", ())
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_it_ends(tmp_path, how):
    tool = tmp_path / "python"
    tool.write_text(
        f"#!/bin/sh\ntrap '' HUP\necho $$ > {tmp_path}/pid.new\nmv {tmp_path}/pid.new {tmp_path}/pid\nexec sleep 100\n"
    )
    tool.chmod(0o755)
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    doctor = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tool)], env=variables)
    deadline = time.monotonic() + 15
    while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    pid = int((tmp_path / "pid").read_text())
    doctor.send_signal(how)
    assert doctor.wait(10) == -how
    assert not Path(f"/proc/{pid}").exists()
