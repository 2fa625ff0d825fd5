"""Root edits somebody's file: it stays theirs, before, after and when taken back."""

from __future__ import annotations

import os

import pytest

from dualano_setup.repairs.action import Plan
from dualano_setup.repairs.actions.files import WriteFile
from dualano_setup.repairs.journal.apply import Session, apply_plan
from dualano_setup.repairs.journal.journal import new_id
from dualano_setup.repairs.journal.undo import undo_fix
from tests.repairs.snapshot import sha


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_stays(tmp_path):
    folder = tmp_path / "theirs"
    folder.mkdir()
    old, new = folder / "old", folder / "new"
    old.write_bytes(b"old")
    for path in (folder, old):
        os.chown(path, 12345, 12346)
    actions = (WriteFile(old, b"edited", sha(b"old"), (), ""), WriteFile(new, b"made", "", (), ""))
    session = Session(tmp_path, say=lambda _line: None)
    outcome = apply_plan(Plan(new_id(tmp_path), actions, ""), session)
    assert outcome.status == 0
    assert {(path.stat().st_uid, path.stat().st_gid) for path in (old, new)} == {(12345, 12346)}
    undo_fix(outcome.journal, lambda number: session.workshop(outcome.journal, number))
    assert (old.read_bytes(), old.stat().st_uid, new.exists()) == (b"old", 12345, False)
