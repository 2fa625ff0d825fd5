"""`fix` and `undo` as a person runs them: whole processes, exit statuses, nothing written before a yes."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests import forked_doctor
from tests.places import ROOT


@pytest.fixture
def doctor(tmp_path):
    (tmp_path / "project").mkdir()
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("DUALANO_", "ACCELERATE_", "VIRTUAL_ENV"))}
    variables |= {"HF_HOME": str(tmp_path / "hf"), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return forked_doctor.run([*arguments, "--offline"], cwd=tmp_path / "project", variables=variables)

    return run


@pytest.fixture
def config(tmp_path):
    return tmp_path / "hf" / "accelerate" / "default_config.yaml"


def test_the_plan_changes_nothing(doctor, config, tmp_path):
    done = doctor("fix", "--plan", "--only", "ACC001")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1. create" in done.stdout
    assert not config.exists()
    assert list((tmp_path / "project").iterdir()) == []


def test_the_plan_as_json(doctor, config):
    document = json.loads(doctor("fix", "--plan", "--json", "--only", "acc001").stdout)
    assert document["schema"] == 1
    (action,) = document["actions"]
    assert (action["kind"], action["path"], action["rules"]) == ("write-file", str(config), ["ACC001"])
    assert "mixed_precision" in action["content"]["text"]


def test_without_a_terminal_it_shows_and_stops(doctor, config):
    done = doctor("fix", "--only", "ACC001")
    assert done.returncode == 1
    assert "1. create" in done.stdout
    assert "Say --yes" in done.stderr
    assert not config.exists()


def test_fixed_looked_at_again_and_undone(doctor, config):
    done = doctor("fix", "--yes", "--only", "ACC001")
    assert "Done." in done.stdout
    assert "mixed_precision" in config.read_text()
    assert "Nothing to repair" in doctor("fix", "--yes", "--only", "ACC001").stdout
    undone = doctor("undo")
    assert (undone.returncode, undone.stderr) == (0, "")
    assert not config.parent.exists()
    assert doctor("undo").returncode == 1


def test_undo_refuses_after_the_user_s_change(doctor, config):
    doctor("fix", "--yes", "--only", "ACC001")
    config.write_text(config.read_text() + "# mine\n")
    refused = doctor("undo")
    assert refused.returncode == 1
    assert "+# mine" in refused.stderr
    assert config.read_text().endswith("# mine\n")


@pytest.mark.parametrize("arguments", [("--only", "XYZ001"), ("--json",)])
def test_wrong_usage_is_2(doctor, arguments):
    assert doctor("fix", *arguments).returncode == 2
