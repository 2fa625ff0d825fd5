"""`uninstall`: everything as it was before, byte for byte, and nothing of anybody's lost."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import sys
from pathlib import Path

import pytest

from dualano_setup.cli.main import run
from dualano_setup.flows import settle, uninstall
from dualano_setup.repairs.action import Plan
from dualano_setup.repairs.actions.environment import RELEASED, MakeEnvironment, environment_state
from dualano_setup.repairs.actions.files import WriteFile
from dualano_setup.repairs.journal.apply import Session, apply_plan
from dualano_setup.repairs.journal.journal import Journal, new_id, open_fix
from dualano_setup.repairs.journal.lock import locked
from dualano_setup.system.files import bytes_below
from tests.repairs.snapshot import PAYLOAD, make_user_tree, snapshot, ten_actions
from tests.runs.standin import started, steps_done, wait_for

TOML = b"# mine\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project beside the user's own things, which `before` shows."""
    (tmp_path / "project" / "outputs" / "r").mkdir(parents=True)
    (tmp_path / "project" / "outputs" / "r" / "weights").write_bytes(b"w" * 2_000_000)
    (tmp_path / "project" / "dualano.toml").write_bytes(TOML)
    make_user_tree(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def fixed(project: Path, *actions) -> Journal:
    outcome = apply_plan(Plan(new_id(project), actions, ""), Session(project, say=lambda _line: None))
    assert (outcome.status, outcome.problem) == (0, "")
    return outcome.journal


def edit(path: Path, content: bytes) -> WriteFile:
    before = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
    return WriteFile(path, content, before, ("REQ001",), "a test")


def repaired(project: Path) -> dict[str, tuple[object, ...]]:
    """Fixes (one of them by `fix` itself) and an environment. What was there before."""
    before = snapshot(project.parent)
    run(["fix", "--yes", "--only", "ACC001", "--offline"])  # 1: there is more to repair
    assert (project.parent / "hf/accelerate/default_config.yaml").exists()
    parts = project / ".dualano" / "downloads"
    parts.mkdir()
    for action in ten_actions(project.parent, "http://localhost/x")[-2:]:
        (parts / f"{action.sha256}.part").write_bytes(PAYLOAD)
        fixed(project, action)
    fixed(project, *ten_actions(project.parent, "")[:-2])
    fixed(project, edit(project.parent / "checkout/train.py", b"x = 2\n"), edit(project / "dualano.toml", b"# ours\n"))
    (project / ".dualano" / "env" / "lib").mkdir(parents=True)
    (project / ".dualano" / "env" / "lib" / "torch").write_bytes(b"t" * 3_000_000)
    (project / ".dualano" / "env" / "python").symlink_to(sys.executable)
    return before


def test_before_and_after_are_the_same_but_for_what_is_kept(project, capsys):
    before = repaired(project)
    repaired_tree = snapshot(project.parent)
    capsys.readouterr()
    assert run(["uninstall"]) == 0
    said = capsys.readouterr().out
    for word in ("as before fix", "train.py", "default_config.yaml", "env  2.9 MiB", "outputs  1.9 MiB", "--yes"):
        assert word in said
    assert snapshot(project.parent) == repaired_tree
    assert run(["uninstall", "--yes"]) == 0
    assert "pip uninstall" in capsys.readouterr().out.splitlines()[-1]
    after = snapshot(project.parent)
    made = {name: after.pop(name) for name in ("model/vae", "model/vae/vae.safetensors")}
    assert made["model/vae/vae.safetensors"][-1] == PAYLOAD  # what was downloaded to where nothing was
    assert after.pop("project/dualano.toml")[-1] == b"# ours\n"
    assert before.pop("project/dualano.toml")[-1] == TOML
    assert after == before
    assert run(["uninstall", "--yes"]) == 0
    assert run(["uninstall"]) == 0
    assert "nothing of dualano-doctor" in capsys.readouterr().out


def test_everything_leaves_nothing_at_all(project):
    before = repaired(project)
    assert run(["uninstall", "--everything", "--yes"]) == 0
    assert snapshot(project.parent) == {k: v for k, v in before.items() if not k.startswith("project/")}


def test_outputs_that_hold_what_settings_name_stay(project, capsys):
    (project / "outputs" / "mvtec").mkdir()
    assert run(["uninstall", "--everything", "--yes", "--data", "outputs/mvtec"]) == 0
    assert "mvtec" in capsys.readouterr().out
    assert (project / "outputs" / "r" / "weights").exists()
    assert not (project / "dualano.toml").exists()


def test_what_the_user_changed_since_stays_and_what_was_before_is_kept(project, capsys):
    before = repaired(project)
    mine, old = project.parent / "checkout/train.py", before["checkout/train.py"][-1]
    mine.write_bytes(b"x = 2\nmine = 3\n")
    assert run(["uninstall"]) == 0
    assert "+mine = 3" in capsys.readouterr().out
    for _again in range(2):
        assert run(["uninstall", "--yes"]) == 1
        assert "+mine = 3" in capsys.readouterr().err
        assert mine.read_bytes() == b"x = 2\nmine = 3\n"
        assert (project.parent / "checkout/requirements.txt").read_bytes() == before["checkout/requirements.txt"][-1]
        state = project / ".dualano"
        assert {path.name for path in state.iterdir()} <= {"fixes", "lock"}
        assert any(path.read_bytes() == old for path in state.rglob("image") if path.is_file())
    mine.write_bytes(b"x = 2\n")
    assert run(["uninstall", "--yes"]) == 0
    assert mine.read_bytes() == old
    assert not state.exists()


def test_it_waits_for_no_run_and_for_no_doctor(project, monkeypatch, capsys):
    one = started(project)
    wait_for(lambda: steps_done(one.record) >= 1)
    for words in (["uninstall"], ["uninstall", "--yes"]):
        assert run(words) == 1
        assert "stop --all" in capsys.readouterr().err
    assert run(["stop", "--all"]) == 0
    monkeypatch.setattr(settle, "locked", functools.partial(locked, patience=0.1))
    with locked(project):
        assert run(["uninstall", "--yes"]) == 1
    assert "another dualano-doctor" in capsys.readouterr().err
    assert one.run.run_file.exists()
    assert run(["uninstall", "--yes"]) == 0  # what runs of the first version left lies in the state folder
    assert not (project / ".dualano").exists()
    assert list((project / "outputs" / one.run.name).glob("checkpoint-*"))


def test_a_campaign_that_goes_on_is_waited_for_by_hand(project, capsys):
    from dualano_setup.campaigns import claims

    held = claims.take(project / "outputs" / "campaigns" / "night", lease=60.0)
    assert run(["uninstall", "--yes"]) == 1
    assert "campaign stop night" in capsys.readouterr().err
    held.end({})
    assert run(["uninstall", "--yes"]) == 0


def test_what_cannot_be_removed_is_said_and_the_rest_goes(project, monkeypatch, capsys):
    repaired(project)
    remove = uninstall.remove_tree

    def stubborn(path: Path) -> None:
        if path.name == "env":
            raise PermissionError(13, "Permission denied", str(path))
        remove(path)

    monkeypatch.setattr(uninstall, "remove_tree", stubborn)
    assert run(["uninstall", "--yes"]) == 1
    assert "Permission denied" in capsys.readouterr().err
    assert {path.name for path in (project / ".dualano").iterdir()} == {"env", "lock"}
    monkeypatch.undo()
    monkeypatch.chdir(project)
    assert run(["uninstall", "--yes"]) == 0
    assert not (project / ".dualano").exists()


def test_a_state_folder_on_another_disk_and_links_in_it(project, tmp_path):
    scratch, shared = tmp_path / "scratch", tmp_path / "shared-env"
    scratch.mkdir()
    (shared / "lib").mkdir(parents=True)
    (scratch / "env").symlink_to(shared)
    (project / ".dualano").symlink_to(scratch)
    assert run(["uninstall", "--yes"]) == 0
    assert not (project / ".dualano").is_symlink()
    assert not scratch.exists()
    assert (shared / "lib").exists()


def test_a_journal_that_came_with_a_copy_is_not_followed_and_not_thrown_away(project, capsys):
    theirs = fixed(project, edit(project.parent / "checkout/train.py", b"x = 3\n")).folder
    shutil.copytree(theirs, theirs.with_name("aside"))
    shutil.rmtree(theirs)
    theirs.with_name("aside").rename(theirs)
    assert run(["uninstall", "--yes"]) == 1
    assert "was not made here" in capsys.readouterr().err
    assert (theirs / "00" / "image").exists()
    assert (project.parent / "checkout/train.py").read_bytes() == b"x = 3\n"


def test_an_environment_elsewhere_goes_whatever_was_let_go_before_it(project):
    """Three generations: the third one's fix let go what stood before the second."""
    env = project.parent / "env"
    for number in range(2):
        plan = Plan(new_id(project), (_environment(env, number),), "")
        journal = open_fix(project, plan)
        folder = journal.action_folder(0)
        journal.write("intent", action=0)
        env.mkdir(exist_ok=True)
        kind = ("absent", "aside")[number]
        row = {"path": str(env), "kind": kind, "image": str(folder / "image"), "made": []}
        (folder / "before.json").write_text(json.dumps(row))
        marker = {"fix": journal.id, "action": "00", "state": environment_state(env)}
        (env / ".dualano-env.json").write_text(json.dumps(marker))
        journal.write("verified", action=0)
        journal.write("finished")
    (folder / RELEASED).touch()
    assert run(["uninstall", "--yes"]) == 0
    assert not env.exists()
    assert not (project / ".dualano").exists()


def _environment(target: Path, number: int) -> MakeEnvironment:
    before = ("absent", "x")[number]
    return MakeEnvironment(target, "", "3.11", "p", (), (), False, before, "cpu", 0, 0, ("PKG001",), "why")


def test_the_line_that_removes_the_wheel(monkeypatch):
    for prefix, says in (
        ("/home/u/.local/share/uv/tools/dualano-setup", "uv tool uninstall dualano-setup"),
        ("/home/u/.local/share/pipx/venvs/dualano-setup", "pipx uninstall dualano-setup"),
        ("/home/u/my env", "'/home/u/my env/bin/python' -m pip uninstall dualano-setup"),
    ):
        monkeypatch.setattr(sys, "prefix", prefix)
        monkeypatch.setattr(sys, "executable", f"{prefix}/bin/python")
        monkeypatch.setattr(uninstall, "find_spec", lambda _name: object())
        assert uninstall.removal_line() == says
    monkeypatch.setattr(uninstall, "find_spec", lambda _name: None)
    assert uninstall.removal_line() == "uv pip uninstall --python '/home/u/my env/bin/python' dualano-setup"


def test_sizes_follow_no_link(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"123")
    (tmp_path / "a" / "round").symlink_to(tmp_path)
    assert bytes_below(tmp_path / "a") == 3 + len(str(tmp_path))
    assert bytes_below(tmp_path / "none") == 0
