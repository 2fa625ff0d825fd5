from __future__ import annotations

import os
import stat

import pytest

from dualano_setup.errors import RepairError
from dualano_setup.repairs.action import Workshop
from dualano_setup.repairs.actions.files import MoveAside, WriteFile
from tests.repairs.snapshot import make_user_tree, sha, snapshot


@pytest.fixture
def workshop(tmp_path):
    (tmp_path / "project" / "00").mkdir(parents=True)
    return Workshop(tmp_path / "project" / "00", tmp_path / "project", say=lambda _: None)


@pytest.fixture
def user(tmp_path):
    (tmp_path / "user").mkdir()
    make_user_tree(tmp_path / "user")
    return tmp_path / "user"


def edit(path, content, mode=None):
    before = sha(path.read_bytes()) if path.exists() else ""
    return WriteFile(path, content, before, ("REQ001",), "a broken pin", mode)


@pytest.mark.parametrize("name", ["checkout/requirements.txt", "checkout/run.sh", "config.yaml", "brand/new/file.txt"])
def test_written_and_restored_byte_for_byte(user, workshop, name):
    before = snapshot(user)
    action = edit(user / name, b"new\r\ncontent")
    action.apply(workshop)
    assert action.verify(workshop) == ""
    assert (user / name).read_bytes() == b"new\r\ncontent"
    action.undo(workshop)
    assert snapshot(user) == before


def test_the_mode_stays_unless_told(user, workshop):
    edit(user / "checkout/run.sh", b"x").apply(workshop)
    assert stat.S_IMODE((user / "checkout/run.sh").stat().st_mode) == 0o755


def test_the_mode_changes_when_told(user, workshop):
    action = edit(user / "config.yaml", b"x", 0o600)
    action.apply(workshop)
    assert stat.S_IMODE((user / "config.yaml").stat().st_mode) == 0o600
    (user / "config.yaml").chmod(0o644)
    assert "mode 600" in action.verify(workshop)


def test_a_file_changed_since_the_plan_is_not_touched(user, workshop):
    action = edit(user / "config.yaml", b"ours")
    (user / "config.yaml").write_bytes(b"the user's newer text")
    with pytest.raises(RepairError, match="changed since the plan"):
        action.apply(workshop)
    assert (user / "config.yaml").read_bytes() == b"the user's newer text"
    action.undo(workshop)
    assert (user / "config.yaml").read_bytes() == b"the user's newer text"


def test_undo_refuses_and_shows_what_the_user_changed(user, workshop):
    action = edit(user / "checkout/train.py", b"x = 1\n")
    action.apply(workshop)
    (user / "checkout/train.py").write_bytes(b"x = 1\ny = 2\n")
    with pytest.raises(RepairError, match=r"\+y = 2"):
        action.undo(workshop)
    assert (user / "checkout/train.py").read_bytes() == b"x = 1\ny = 2\n"


def test_a_link_out_of_the_checkout_is_not_followed(user, workshop, tmp_path):
    (tmp_path / "bashrc").write_bytes(b"alias")
    link = user / "checkout" / "setup.py"
    link.symlink_to(tmp_path / "bashrc")
    with pytest.raises(RepairError, match="is a link to"):
        edit(link, b"evil").apply(workshop)
    assert (tmp_path / "bashrc").read_bytes() == b"alias"


def test_a_link_within_its_folder_stays_a_link(user, workshop):
    link = user / "checkout" / "alias.py"
    link.symlink_to("train.py")
    before = snapshot(user)
    action = edit(link, b"through")
    action.apply(workshop)
    assert link.is_symlink()
    assert (user / "checkout/train.py").read_bytes() == b"through"
    action.undo(workshop)
    assert snapshot(user) == before


def test_a_folder_in_the_files_place_is_said_so(user, workshop):
    with pytest.raises(RepairError, match="is not a file"):
        WriteFile(user / "data", b"x", "", ("ACC001",), "no config").apply(workshop)


def test_details_are_a_diff(user):
    details = edit(user / "checkout/train.py", b"x = 1\n").details()
    assert "-import ipdb" in details
    assert " x = 1" in details


def test_details_of_bytes_that_are_no_text(user):
    assert "not text" in edit(user / "data/test/Thumbs.db", b"x").details()


@pytest.mark.parametrize("name", ["data/test/Thumbs.db", "data/odd"])
def test_moved_aside_and_back(user, workshop, name):
    before = snapshot(user)
    action = MoveAside(user / name, ("DATA008",), "not an image")
    action.apply(workshop)
    assert action.verify(workshop) == ""
    assert not os.path.lexists(user / name)
    action.undo(workshop)
    assert snapshot(user) == before


def test_what_came_in_its_place_is_not_overwritten(user, workshop):
    action = MoveAside(user / "data/test/Thumbs.db", ("DATA008",), "not an image")
    action.apply(workshop)
    (user / "data/test/Thumbs.db").write_bytes(b"new")
    with pytest.raises(RepairError, match="exists again"):
        action.undo(workshop)
    assert (user / "data/test/Thumbs.db").read_bytes() == b"new"


def test_moving_what_is_gone_says_so(user, workshop):
    with pytest.raises(RepairError, match="no longer there"):
        MoveAside(user / "nothing", ("DATA008",), "not an image").apply(workshop)
