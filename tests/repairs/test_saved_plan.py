"""A plan saved with `fix --plan --json` is kept word for word by `fix --apply`, or refused with the difference."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests import forked_doctor
from tests.places import ROOT


@pytest.fixture
def doctor(tmp_path):
    (tmp_path / "project").mkdir()
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("DUALANO_", "ACCELERATE_", "VIRTUAL_ENV"))}
    variables |= {"HF_HOME": str(tmp_path / "hf"), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}

    def run(*arguments: str, lang: str = "C.UTF-8") -> subprocess.CompletedProcess[str]:
        return forked_doctor.run(
            [*arguments, "--offline"], cwd=tmp_path / "project", variables=variables | {"LANG": lang}
        )

    return run


@pytest.fixture
def config(tmp_path):
    """accelerate's config, with a value that ACC002 refuses and a comment that is the user's."""
    file = tmp_path / "hf" / "accelerate" / "default_config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("mixed_precision: fp8\n# mine\nnum_processes: 4\n")
    return file


@pytest.fixture
def saved(doctor, config, tmp_path):
    done = doctor("fix", "--plan", "--json", "--only", "ACC002,ACC003,ACC004")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [a["path"] for a in document["actions"] if a["kind"] == "write-file"] == [str(config)]
    file = tmp_path / "plan.json"
    file.write_text(done.stdout)
    return file


def edit(file: Path, change) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def refused(done, *words: str) -> None:
    assert done.returncode == 1
    for word in words:
        assert word in done.stderr
    assert "Nothing was changed" in done.stderr


def test_what_a_plan_is_based_on_is_in_it(saved, config, tmp_path):
    based_on = json.loads(saved.read_text())["based_on"]
    assert based_on["project"] == str(tmp_path / "project")
    assert based_on["settings"]["offline"] == "True"
    assert based_on["files"][str(config)].startswith("sha256 ")
    assert any(name.startswith("ACC") for name in based_on["findings"])
    assert based_on["profile"]["name"] in next(iter(based_on["profile"]["files"]))


def test_kept(doctor, saved, config):
    promised = json.loads(saved.read_text())["actions"]
    done = doctor("fix", "--apply", str(saved), "--yes")
    assert "Done." in done.stdout, done.stderr
    text = next(a["content"]["text"] for a in promised if a["kind"] == "write-file")
    assert config.read_text() == text
    refused(doctor("fix", "--apply", str(saved), "--yes"), "has changed", "sha256")


def test_kept_without_yes_only_shows(doctor, saved, config):
    before = config.read_text()
    done = doctor("fix", "--apply", str(saved))
    assert done.returncode == 1
    assert "edit" in done.stdout
    assert "Say --yes" in done.stderr
    assert config.read_text() == before


def test_a_changed_file_is_named(doctor, saved, config):
    config.write_text(config.read_text() + "debug: false\n")
    before = config.read_text()
    refused(doctor("fix", "--apply", str(saved), "--yes"), "has changed", f"files.{config}: sha256", "+debug: false")
    assert config.read_text() == before


def test_other_options_are_named(doctor, saved, config):
    refused(doctor("fix", "--apply", str(saved), "--yes", "--profile", "guide-cu118"), "settings.profile: nothing")


def test_another_environment_is_named(doctor, saved, config, tmp_path):
    refused(doctor("fix", "--apply", str(saved), "--yes", "--env", str(tmp_path / "other")), "settings.env")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("tool", "0.0.1", "tool: 0.0.1 when it was planned"),
        ("findings", {"REQ001": "fail"}, "findings.REQ001: fail when it was planned, nothing now"),
        ("environment", {"prefix": "/gone", "python": "3.10", "distributions": {"torch": "9"}}, "environment"),
        ("profile", {"name": "other", "files": {}}, "profile.name: other"),
    ],
)
def test_another_basis_is_named(doctor, saved, config, key, value, words):
    before = config.read_text()
    edit(saved, lambda document: document["based_on"].update({key: value}))
    refused(doctor("fix", "--apply", str(saved), "--yes"), "has changed", words)
    assert config.read_text() == before


def _other_content(document):
    document["actions"][0]["content"] = {"text": "mixed_precision: 'no'\nevil: 1\n"}


def _other_path(document):
    document["actions"][0]["path"] = "/tmp/somewhere-else"


def _one_more(document):
    document["actions"].append({**document["actions"][0], "path": "/tmp/somewhere-else"})


def _one_less(document):
    document["actions"].pop()


def _invented_kind(document):
    document["actions"].append({"kind": "run-shell", "command": "touch /tmp/owned", "rules": []})


@pytest.mark.parametrize("change", [_other_content, _other_path, _one_more, _one_less, _invented_kind])
def test_edited_by_hand_is_refused(doctor, saved, config, change):
    before = config.read_text()
    edit(saved, change)
    refused(doctor("fix", "--apply", str(saved), "--yes"), "It was edited", "actions[")
    assert config.read_text() == before
    assert not Path("/tmp/somewhere-else").exists()


def test_another_language_is_no_other_plan(doctor, saved, config):
    done = doctor("fix", "--apply", str(saved), "--yes", lang="zh_TW.UTF-8")
    assert config.read_text() != "mixed_precision: fp8\n# mine\nnum_processes: 4\n", done.stderr


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe", b"null", b'{"schema": 1}', b"[" * 100_000, b'{"schema": 2, "based_on": {}}'],
)
def test_what_is_no_plan_is_wrong_usage(doctor, config, tmp_path, content):
    file = tmp_path / "plan.json"
    file.write_bytes(content)
    done = doctor("fix", "--apply", str(file), "--yes")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert str(file) in done.stderr


def test_a_pipe_is_not_waited_for(doctor, config, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    done = doctor("fix", "--apply", str(tmp_path / "pipe"), "--yes")
    assert done.returncode == 2
    assert "named pipe" in done.stderr


def test_apply_takes_no_rules_of_its_own(doctor, saved):
    assert doctor("fix", "--apply", str(saved), "--only", "ACC001").returncode == 2
