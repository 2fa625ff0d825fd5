"""A disk that is full at each page and each inode in turn: a small tmpfs in a namespace of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from tests.places import ROOT
from tests.repairs.snapshot import PAYLOAD
from tests.stub_index import serve


def namespaces_work() -> bool:
    if not shutil.which("unshare"):
        return False
    done = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.skipif(not namespaces_work(), reason="no tmpfs can be mounted in a user namespace here")
def test_full_at_every_write(tmp_path):
    (tmp_path / "server").mkdir()
    (tmp_path / "small").mkdir()
    (tmp_path / "server" / "weights").write_bytes(PAYLOAD)
    with serve(tmp_path / "server") as url:
        worker = ["unshare", "-rm", sys.executable, "-m", "tests.kills.full_disk_worker"]
        done = subprocess.run(
            [*worker, str(tmp_path / "small"), url + "weights"], capture_output=True, text=True, cwd=ROOT, check=False
        )
    assert done.returncode == 0, done.stderr
    rows = [row for line in done.stdout.splitlines() if "too small" not in (row := json.loads(line))]
    assert [row for row in rows if not row["as before"]] == []
    assert {row["status"] for row in rows} == {"not begun", 0, 1}
    assert all(row["finished"] == (row["status"] == 0) for row in rows)
    cut_short = [row for row in rows if row["cut short"]]
    assert len(cut_short) > 10, "the disk was never full while taking back; the trial does not reach it"
    assert all("taken back" in row["told"][0] for row in cut_short)
    assert len({row["problem"] for row in rows}) > 20
