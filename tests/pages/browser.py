"""The browser that is installed (Debian: `apt-get install chromium`), and axe-core from npm, or skipping."""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.places import ROOT
from tests.shared import shared_folder

AXE = "axe-core@4.10.3"
_NAMES = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")


def chromium() -> str:
    """The program, or the test is skipped."""
    pytest.importorskip("playwright", reason="playwright is not installed (extra `test`)")
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    return found


@functools.cache
def axe() -> str:
    """The source of axe-core: of DUALANO_AXE, of node_modules here, or fetched once by npm; else ""."""
    top = shared_folder()
    fetched = top / "axe.min.js"
    for place in (
        Path(os.environ.get("DUALANO_AXE") or "/nowhere"),
        ROOT / "node_modules/axe-core/axe.min.js",
        fetched,
    ):
        if place.is_file():
            return place.read_text(encoding="utf-8")
    if shutil.which("npm") is None:
        return ""
    with (top / "axe.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not fetched.is_file():
            told = subprocess.run(
                ["npm", "pack", "--silent", AXE], cwd=top, capture_output=True, text=True, check=False
            )
            archive = top / (told.stdout.split() or ["none"])[-1]
            if told.returncode or not archive.is_file():
                return ""
            with tarfile.open(archive) as packed:
                source = packed.extractfile("package/axe.min.js")
                assert source is not None
                fetched.write_bytes(source.read())
    return fetched.read_text(encoding="utf-8")
