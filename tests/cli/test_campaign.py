"""`campaign` as a command: what it refuses, what it plans, what it shows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dualano_setup.campaigns import claims
from dualano_setup.cli.main import run
from tests.campaigns.world import data_set


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    for name in ("DUALANO_DATA", "DUALANO_MODEL"):
        monkeypatch.delenv(name, raising=False)
    data_set(tmp_path / "data", {"bottle": ("a", "b"), "cable": ("c",)})
    (tmp_path / "dualano.toml").write_text(
        'data = "data"\nmodel = "model"\noffline = true\n[train]\nvariant = "dual"\n[campaign]\naccepted = 3\n'
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_plan_says_what_cannot_work_before_anything_is_queued(project, capsys):
    """Its pictures are none."""
    assert run(["campaign", "plan", "night"]) == 1
    said = capsys.readouterr().out
    assert "GPU-hours on one NVIDIA H200" in said
    assert "4 jobs cannot work" in said or "5 jobs cannot work" in said
    assert "bottle-a: DATA" in said
    document = json.loads((project / "outputs/campaigns/night/plan.json").read_text())
    assert (document["name"], len(document["digest"]), len(document["jobs"])) == ("night", 32, 5)


def test_nothing_is_started_where_no_job_can_work(project, capsys):
    assert run(["campaign", "run", "night"]) == 1
    assert "no job can work; nothing is started" in capsys.readouterr().err
    assert not (project / "outputs/campaigns/night/jobs").exists()


def test_a_changed_plan_is_refused_with_the_difference(project, capsys):
    run(["campaign", "plan", "night"])
    root = project / "outputs/campaigns/night"
    capsys.readouterr()
    assert run(["campaign", "resume", "night", "--accepted", "9"]) == 1
    said = capsys.readouterr().err
    assert "accepted was 3, now 9" in said
    assert "--replace" in said
    claims.take(root / "jobs/bottle-a", lease=60).commit("generate", {"folder": "generate.1"})
    assert run(["campaign", "plan", "night", "--replace", "--accepted", "9"]) == 1
    assert "steps of bottle-a are finished by the old plan" in capsys.readouterr().err
    shutil.rmtree(root / "jobs")
    run(["campaign", "plan", "night", "--replace", "--accepted", "9"])
    assert json.loads((root / "plan.json").read_text())["wanted"]["accepted"] == 9


def test_the_flags_of_the_first_start_hold(project, capsys):
    run(["campaign", "plan", "--categories", "cable", "--steps", "train,generate"])
    capsys.readouterr()
    run(["campaign", "plan", "--json"])
    assert {job["category"] for job in json.loads(capsys.readouterr().out)["jobs"]} == {"cable"}


def test_status_as_a_document(project, capsys):
    run(["campaign", "plan", "night"])
    capsys.readouterr()
    assert run(["campaign", "status", "night", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["summary"]["left-out"] == 5
    assert {"job", "state", "step", "words", "tries", "seconds_per_step", "remaining_seconds"} <= document["jobs"][
        0
    ].keys()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["status", "no-such"], "no campaign is called 'no-such'"),
        (["resume", "no-such"], "no campaign is called 'no-such'"),
        (["plan", "--categories", "botle"], "no category is called 'botle'; there are: bottle, cable"),
        (["plan", "--accepted", "0"], "--accepted is '0', expected a whole number above 0"),
        (["plan", "--executor", "cloud"], "expected local or slurm or ssh"),
        (["plan", "../x"], "expected a name of letters"),
        (["plan", "--steps", "train,trian"], "--steps is 'trian', expected train"),
    ],
)
def test_what_cannot_be_is_refused(project, capsys, arguments, says):
    assert run(["campaign", *arguments]) == 2
    assert says in capsys.readouterr().err
    assert not (project / "outputs").exists()


def test_a_wrong_key_in_the_table_is_named(project, capsys):
    file = project / "dualano.toml"
    file.write_text(file.read_text() + "acepted = 3\n")
    assert run(["campaign", "plan"]) == 2
    assert "unknown key `campaign.acepted`" in capsys.readouterr().err
