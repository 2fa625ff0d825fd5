"""Three jobs on a real Slurm: two trainings side by side and the export that is made of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from dualano_setup.campaigns.executors.slurm import Slurm
from dualano_setup.campaigns.store import load_plan
from dualano_setup.settings.campaign import CampaignSettings
from tests.campaigns.kills import faults
from tests.campaigns.world import data_set, stub_plan
from tests.places import ROOT
from tests.slurm.cluster import cluster, missing

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(not os.environ.get("DUALANO_SLURM"), reason="a Slurm is started only when asked: just slurm"),
    pytest.mark.skipif(bool(missing()), reason=missing() or "-"),
]


def test_three_jobs(tmp_path):
    data_set(tmp_path / "data", {"bottle": ("a", "b")})
    (tmp_path / "model").mkdir()
    campaign = CampaignSettings(name="t", accepted=2, lease=30, executor="slurm", time="5", partition="main")
    with cluster():
        root, plan = stub_plan(tmp_path, campaign)
        command = [sys.executable, "-m", "tests.campaigns.headproc", str(tmp_path), "t"]
        head = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=120, check=False,
                              capture_output=True, text=True)  # fmt: skip
        assert head.returncode == 0, head.stderr
        executor = Slurm(root, load_plan(root).how)
        assert executor.poll() == set()
        assert "COMPLETED" in executor.reason("bottle")
    assert faults(root, plan, {}) == []
    assert json.loads((root / "jobs/bottle/export.1/export.json").read_text())["classes"] == ["a", "b"]
    assert "bottle-a" in (root / "slurm/1.jobs").read_text()
