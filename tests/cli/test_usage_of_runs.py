"""`prove`, `generate` and `quickstart` where they cannot work: one clear message and the promised exit status."""

from __future__ import annotations

import sys

import pytest

from dualano_setup.cli.main import run


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty folder to work in, on a machine whose training environment nobody named."""
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "DUALANO_ENV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def status(*arguments: str) -> int:
    """The exit status, also where argparse ends the program itself."""
    try:
        return run(list(arguments))
    except SystemExit as ended:
        return int(ended.code or 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("prove", "--trainer", "checkout"), "--trainer"),
        (("prove", "--steps", "2"), "--steps"),
        (("generate",), "--model PATH"),
        (("generate", "--model", "m"), "--weights PATH"),
        (("generate", "--model", "m", "--accepted", "0"), "--accepted is '0', expected a whole number above 0"),
        (("generate", "--accepted", "3", "--limit", "many"), "--limit is 'many'"),
        (("quickstart", "--steps", "0"), "above 0"),
        (("quickstart", "--steps", "some"), "'some'"),
        (("quickstart", "one", "two"), "two"),
    ],
)
def test_usage_errors_end_with_2_and_leave_nothing(project, capsys, arguments, said):
    assert status(*arguments) == 2
    written = capsys.readouterr()
    assert said in written.err
    assert "Traceback" not in written.err
    assert written.out == ""
    assert list(project.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [("prove",), ("prove", "--json"), ("generate", "--model", "m", "--weights", "w.safetensors")]
)
def test_without_an_environment_the_next_step_is_named(project, capsys, arguments):
    assert status(*arguments, "--env", str(project / "none"), "--offline") == 1
    written = capsys.readouterr()
    assert written.err.splitlines()[-1].startswith("dualano-doctor: ")
    assert "--env PATH" in written.err
    assert written.out == ""


def test_an_environment_that_does_not_suit_ends_quickstart_before_it_makes_anything(project, capsys):
    assert status("quickstart", "here", "--env", str(project / "none"), "--offline") == 1
    written = capsys.readouterr()
    assert "leave --env out" in written.err
    assert sorted(entry.name for entry in (project / "here").iterdir()) == ["dualano.toml"]


def test_weights_that_are_not_there_are_named_by_the_sampler(project, capfd):
    """The environment's own interpreter says it: a training environment is needed."""
    pytest.importorskip("torch", reason="needs a training environment: the tests' own")
    arguments = ("generate", "--model", str(project), "--weights", str(project / "gone.safetensors"))
    assert status(*arguments, "--env", sys.prefix, "--offline") != 0
    said = capfd.readouterr().err
    assert "gone.safetensors" in said
    assert "Traceback" not in said


def test_prove_says_which_trainer_it_proves(project, capsys):
    assert status("prove", "--env", str(project / "none"), "--checkout", "theirs", "--offline") == 1
    assert f"the authors' own in {project / 'theirs'} is not run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "flag"), [("train", "--max_train_steps"), ("prove", "--max_train_steps"), ("generate", "--accepted")]
)
def test_what_may_follow_the_dashes_is_told_before_there_is_an_environment(project, capfd, command, flag):
    assert status(command, "--", "--help") == 0
    written = capfd.readouterr()
    assert flag in written.out
    assert written.err == ""
    assert list(project.iterdir()) == []
