"""A resolve on an index that never answers: uv ends with the program, and with its deadline."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import psutil
import pytest

from dualano_setup.installers import uv
from dualano_setup.installers.uv import ResolutionError, Source, resolve
from tests.places import PATIENCE, ROOT

RESOLVE = (
    "import sys\nfrom dualano_setup.installers.uv import Source, resolve\n"
    'resolve({"torch": "2.2.0"}, "stub", "3.10", Source(variables={"UV_DEFAULT_INDEX": sys.argv[1]}))\n'
)


@pytest.fixture
def mute(tmp_path, monkeypatch):
    """The address of an index that accepts connections and says nothing."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/simple"


def test_sigterm_ends_uv_as_well(mute, tmp_path):
    (tmp_path / "tmp").mkdir()
    variables = {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "tmp")}
    program = subprocess.Popen([sys.executable, "-c", RESOLVE, mute], env=os.environ | variables)
    started: list[psutil.Process] = []
    end = time.monotonic() + PATIENCE
    while not started and time.monotonic() < end:
        children = psutil.Process(program.pid).children(recursive=True)
        started = [child for child in children if child.name() == "uv"]
        time.sleep(0.05)
    assert started
    program.terminate()
    assert program.wait() == -15
    __, alive = psutil.wait_procs(started, timeout=PATIENCE)
    assert not alive
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_deadline_names_the_index(mute, monkeypatch):
    monkeypatch.setattr(uv, "RESOLVE_DEADLINE", 1.0)
    with pytest.raises(ResolutionError, match="NET001"):
        resolve({"torch": "2.2.0"}, "stub", "3.10", Source(variables={"UV_DEFAULT_INDEX": mute}))
