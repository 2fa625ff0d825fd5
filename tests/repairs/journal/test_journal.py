"""Edges of the journal, the images and undo that mutation testing found unwatched."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest

from dualano_setup.errors import RepairError
from dualano_setup.repairs.action import Plan
from dualano_setup.repairs.actions.files import MoveAside, WriteFile
from dualano_setup.repairs.journal.apply import Session, apply_plan
from dualano_setup.repairs.journal.journal import new_id
from dualano_setup.repairs.journal.undo import find_fix, recover, undo_fix


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def done(project: Path, *actions):
    session = Session(project, say=lambda _: None)
    outcome = apply_plan(Plan(new_id(project), actions, ""), session)
    assert (outcome.status, outcome.problem) == (0, "")
    return outcome.journal, session


def new_file(path: Path) -> WriteFile:
    return WriteFile(path, b"ours", "", ("REQ001",), "why")


def test_a_finished_fix_is_left_as_it_is_by_the_next_start(project, tmp_path):
    journal, session = done(project, new_file(tmp_path / "a"))
    events = journal.events()
    assert recover(project, session.workshop) == []
    assert journal.events() == events


def test_all_that_is_kept_is_private(project, tmp_path):
    (tmp_path / "a").write_bytes(b"secret")
    (tmp_path / "a").chmod(0o644)
    old = os.umask(0)
    try:
        journal, _ = done(project, MoveAside(tmp_path / "a", ("ACC001",), "why"), new_file(tmp_path / "a"))
    finally:
        os.umask(old)
    assert stat.S_IMODE(journal.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in journal.folder.iterdir() if path.is_dir()} == {0o700}
    assert stat.S_IMODE((journal.folder / "journal.jsonl").stat().st_mode) == 0o600


@pytest.mark.parametrize(("umask", "mode"), [(0, 0o666), (0o022, 0o644), (0o077, 0o600)])
def test_a_new_file_has_the_mode_that_the_umask_gives(project, tmp_path, umask, mode):
    old = os.umask(umask)
    try:
        done(project, new_file(tmp_path / "new"))
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == mode


def test_a_foreign_journal_is_refused_by_name(project, tmp_path):
    journal, _ = done(project, new_file(tmp_path / "a"))
    copied = tmp_path / "copied"
    shutil.copytree(project, copied)
    with pytest.raises(RepairError, match="was not written here"):
        find_fix(copied, "".join(list(journal.id)))
    with pytest.raises(RepairError, match="does not exist"):
        find_fix(project, "20000101-000000")


def test_what_lies_on_another_file_system_is_kept_beside_itself(project, tmp_path):
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK) or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs a second file system")
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        tree = Path(folder) / "tree"
        (tree / "below").mkdir(parents=True)
        (tree / "below" / "a").write_bytes(b"a")
        journal, session = done(project, MoveAside(tree, ("PY002",), "why"))
        assert [path.name for path in Path(folder).iterdir()] == [f".tree.dualano-{journal.id}-00-before"]
        undo_fix(journal, lambda number: session.workshop(journal, number))
        assert [path.name for path in Path(folder).iterdir()] == ["tree"]
        assert (tree / "below" / "a").read_bytes() == b"a"


def test_a_line_cut_off_by_a_crash_does_not_swallow_the_next(project, tmp_path):
    journal, _ = done(project, new_file(tmp_path / "a"))
    events = journal.events()
    with (journal.folder / "journal.jsonl").open("ab") as file:
        file.write(b'{"event": "int')
    journal.write("noted", number=1)
    assert journal.events()[:-1] == events
    assert (journal.events()[-1]["event"], journal.events()[-1]["number"]) == ("noted", 1)


def test_taking_back_is_written_down_before_and_after_and_once(project, tmp_path):
    journal, session = done(project, new_file(tmp_path / "a"))
    undo_fix(journal, lambda number: session.workshop(journal, number))
    events = [event["event"] for event in journal.events()]
    assert events[events.index("finished") + 1 :] == ["taking-back", "undone", "taken-back"]
    assert journal.state() == "taken-back"


def test_a_fix_of_which_one_action_was_not_proved_is_taken_back(project, tmp_path):
    journal, session = done(project, new_file(tmp_path / "a"), new_file(tmp_path / "b"))
    file = journal.folder / "journal.jsonl"
    rows = file.read_text().splitlines(keepends=True)
    proofs = [number for number, row in enumerate(rows) if json.loads(row)["event"] == "verified"]
    file.write_text("".join(rows[: proofs[-1]]))
    assert not journal.all_verified()
    assert "taken back" in recover(project, session.workshop)[0]
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "b").exists()


def test_a_journal_without_its_plan_is_nobodys(project, tmp_path):
    journal, session = done(project, new_file(tmp_path / "a"))
    (journal.folder / "plan.json").unlink()
    assert not journal.is_ours()
    assert recover(project, session.workshop) == []
    assert (tmp_path / "a").read_bytes() == b"ours"
