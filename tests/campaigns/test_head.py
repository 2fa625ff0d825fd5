"""Whole campaigns with a stub for the work: order, retries, stopping, going on, and nothing done twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dualano_setup.campaigns import claims
from dualano_setup.campaigns.state import snapshot
from dualano_setup.campaigns.store import forgive, load_plan
from dualano_setup.errors import UsageError
from dualano_setup.flows.campaign.running import conduct, stop
from dualano_setup.flows.campaign.watching import report
from dualano_setup.settings.campaign import CampaignSettings
from dualano_setup.system.processes import JOB_VARIABLE, marked
from tests.campaigns.kills import faults
from tests.campaigns.world import data_set, settings_for, stub_plan
from tests.places import PATIENCE, ROOT


@pytest.fixture
def project(memory_folder, monkeypatch) -> Path:
    data_set(memory_folder / "data", {"bottle": ("a", "b"), "cable": ("c",)})
    (memory_folder / "model").mkdir()
    monkeypatch.setenv("STUB_SECONDS", "0.05")
    monkeypatch.setenv("STUB_STEPS", "3")
    return memory_folder


def planned(project: Path, **how: object):
    campaign = CampaignSettings(name="t", accepted=2, workers=2, lease=30)
    return stub_plan(project, campaign, **how)


def states(root: Path) -> dict[str, str]:
    return {row.job.id: row.state for row in snapshot(root, load_plan(root))}


def test_everything_is_done_once_in_its_order(project):
    root, plan = planned(project, notify="env | grep ^CAMPAIGN > $CAMPAIGN_FOLDER/notice")
    assert conduct(settings_for(project), root, plan) == 0
    assert set(states(root).values()) == {"done"}
    assert faults(root, plan, {}) == []
    exported = json.loads((root / "jobs/bottle/export.1/export.json").read_text())
    assert exported["classes"] == ["a", "b"]
    assert "CAMPAIGN_DONE=5" in (root / "notice").read_text()
    before = {path: path.stat().st_mtime_ns for path in root.glob("jobs/*/done/*/commit.json")}
    assert conduct(settings_for(project), root, plan) == 0
    assert {path: path.stat().st_mtime_ns for path in root.glob("jobs/*/done/*/commit.json")} == before
    assert [len(claims.numbers_of(root / "jobs" / job.id)) for job in plan.jobs] == [1] * 5


def test_failures_are_treated_by_their_kind_and_the_rest_goes_on(project, monkeypatch):
    failures = (
        "bottle-a:PIL.UnidentifiedImageError: cannot identify image file 'x'",
        "bottle-b:once torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total",
        "cable-c:ValueError: never seen before",
    )
    monkeypatch.setenv("STUB_FAIL", ";".join(failures))
    root, plan = planned(project, retries=1)
    assert conduct(settings_for(project), root, plan) == 1
    assert states(root) == {
        "bottle-a": "aside", "bottle-b": "done", "cable-c": "aside", "bottle": "blocked", "cable": "blocked",
    }  # fmt: skip
    tries = {job.id: len(claims.numbers_of(root / "jobs" / job.id)) for job in plan.jobs}
    assert tries == {"bottle-a": 1, "bottle-b": 2, "cable-c": 2, "bottle": 0, "cable": 0}
    monkeypatch.delenv("STUB_FAIL")
    forgive(root, "cable-c")
    assert conduct(settings_for(project), root, plan) == 1
    assert (states(root)["cable"], states(root)["bottle-a"]) == ("done", "aside")
    root, plan = planned(project, partial=True)
    assert conduct(settings_for(project), root, plan) == 1
    assert json.loads((root / "jobs/bottle/export.1/export.json").read_text())["classes"] == ["b"]


def test_a_result_that_is_gone_is_made_again_where_it_is_needed(project):
    import shutil

    root, plan = planned(project)
    assert conduct(settings_for(project), root, plan) == 0
    shutil.rmtree(root / "jobs/cable-c/generate.1")
    claims.reopen(root / "jobs/cable", "export")
    assert conduct(settings_for(project), root, plan) == 0
    assert claims.committed(root / "jobs/cable-c")["generate"]["claim"] == 2
    assert claims.committed(root / "jobs/cable-c")["train"]["claim"] == 1


def test_a_command_that_leaves_nothing_has_not_done_its_work(project):
    root, plan = planned(project, doctor=["true"], retries=0)
    assert conduct(settings_for(project), root, plan) == 1
    row = snapshot(root, plan)[0]
    assert row.state == "aside"
    assert "left nothing in" in row.words


@pytest.mark.parametrize("how", ["stop", signal.SIGKILL])
def test_what_is_stopped_or_killed_goes_on_where_it_was(project, monkeypatch, how):
    monkeypatch.setenv("STUB_SECONDS", "6")
    monkeypatch.setenv("STUB_STEPS", "60")
    root, plan = planned(project)
    command = [sys.executable, "-m", "tests.campaigns.headproc", str(project), "t"]
    head = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL)
    step = "train.1/checkpoint-3"
    end = time.monotonic() + PATIENCE
    while not (root / "jobs/bottle-a" / step).exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    with pytest.raises(UsageError, match="is being run by process"):
        conduct(settings_for(project), root, plan)
    if how == "stop":
        assert stop(settings_for(project), "t") == 0
        assert head.wait(PATIENCE) == 130
        assert [job for __, job in marked(JOB_VARIABLE) if job.startswith(str(root))] == []
        assert states(root)["bottle-a"] == "waiting"
        monkeypatch.setenv("STUB_SECONDS", "0.1")
    else:
        head.kill()
        head.wait()
    assert conduct(settings_for(project), root, plan) == 0
    assert faults(root, plan, {}) == []
    numbers = claims.numbers_of(root / "jobs/bottle-a")
    assert numbers == ([1, 2] if how == "stop" else [1])


def test_the_report_tells_what_was_measured(project, capsys):
    root, plan = planned(project)
    assert conduct(settings_for(project), root, plan) == 0
    assert report(settings_for(project), "t") == 0
    text = (root / "report.md").read_text()
    assert "| bottle-a | done | train, generate, masks | 2 |" in text
    assert "| generated | detection | 0.5 |" in text
