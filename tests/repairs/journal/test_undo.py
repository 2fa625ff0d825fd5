"""Which fix `undo` takes, what it says of the others, and that everything a fix keeps is its owner's alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from pathlib import Path

import pytest

from dualano_setup.errors import RepairError
from dualano_setup.repairs.action import Plan
from dualano_setup.repairs.actions.files import MoveAside, WriteFile
from dualano_setup.repairs.journal.apply import Session, apply_plan
from dualano_setup.repairs.journal.journal import Journal, new_id
from dualano_setup.repairs.journal.undo import find_fix, recover, undo_fix


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def done(project: Path, path: Path) -> Journal:
    """A finished fix that wrote `path` anew."""
    session = Session(project, say=lambda _: None)
    aside = (MoveAside(path, ("ACC001",), "why"),) if path.exists() else ()
    plan = Plan(new_id(project), (*aside, WriteFile(path, b"ours", "", ("REQ001",), "why")), "")
    outcome = apply_plan(plan, session)
    assert (outcome.status, outcome.problem) == (0, "")
    return outcome.journal


def take_back(project: Path, journal: Journal) -> None:
    session = Session(project, say=lambda _: None)
    undo_fix(journal, lambda number: session.workshop(journal, number))


def test_every_file_that_is_kept_is_its_owners_alone(project, tmp_path):
    (tmp_path / "a").write_bytes(b"secret")
    old = os.umask(0)
    try:
        journal = done(project, tmp_path / "a")
    finally:
        os.umask(old)
    kept = [path for path in journal.folder.rglob("*") if path.is_file() and path.read_bytes() != b"secret"]
    assert len(kept) >= 3  # journal, plan, records of what was before
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}


def test_the_bytes_of_a_file_that_others_may_read_are_kept_privately(project, tmp_path):
    path = tmp_path / "config"
    path.write_bytes(b"a token")
    path.chmod(0o644)
    write = WriteFile(path, b"ours", hashlib.sha256(b"a token").hexdigest(), ("ACC001",), "why")
    outcome = apply_plan(Plan(new_id(project), (write,), ""), Session(project, say=lambda _: None))
    (image,) = [
        file for file in outcome.journal.folder.rglob("*") if file.is_file() and file.read_bytes() == b"a token"
    ]
    assert stat.S_IMODE(image.stat().st_mode) == 0o600
    take_back(project, outcome.journal)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"a token", 0o644)


def test_a_fix_that_is_taken_back_is_no_longer_chosen_and_is_said_to_be(project, tmp_path):
    first, second = done(project, tmp_path / "a"), done(project, tmp_path / "b")
    assert find_fix(project, None).id == second.id
    take_back(project, second)
    assert find_fix(project, None).id == first.id
    with pytest.raises(RepairError, match=f"already taken back.*can be undone: {first.id}$"):
        find_fix(project, second.id)
    take_back(project, first)
    with pytest.raises(RepairError, match="can be undone: none"):
        find_fix(project, first.id)
    with pytest.raises(RepairError, match="no fix to undo"):
        find_fix(project, None)


def test_a_fix_that_came_with_a_copy_stands_in_nobodys_way(project, tmp_path):
    ours = done(project, tmp_path / "a")
    other = tmp_path / "other"
    other.mkdir()
    theirs = done(other, tmp_path / "b")
    fixes = ours.folder.parent
    for name in ("00000000-000000", theirs.id, "99999999-999999"):
        if not (fixes / name).exists():
            shutil.copytree(theirs.folder, fixes / name)
    assert find_fix(project, ours.id).folder == ours.folder
    with pytest.raises(RepairError, match="was not written here"):
        find_fix(project, "99999999-999999")


def test_a_fix_that_never_began_does_not_hide_one_that_was_cut_off(project, tmp_path):
    cut_off, empty = done(project, tmp_path / "a"), done(project, tmp_path / "b")
    lines = (cut_off.folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (cut_off.folder / "journal.jsonl").write_bytes(b"".join(lines[:2]))
    (empty.folder / "journal.jsonl").write_bytes(b"")
    for part in [path for path in empty.folder.iterdir() if path.is_dir()]:
        shutil.rmtree(part)
    said = recover(project, Session(project, say=lambda _: None).workshop)
    assert len(said) == 1
    assert cut_off.id in said[0]
    assert not (tmp_path / "a").exists()
    assert not empty.folder.exists()
