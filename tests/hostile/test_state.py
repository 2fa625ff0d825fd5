"""What strangers can put where the doctor keeps or compares its own state: never waited for, never held whole."""

from __future__ import annotations

import json
import os
import resource

import pytest

from dualano_setup.errors import RepairError
from dualano_setup.explain.last_error import read_end_bytes
from dualano_setup.facts.fixes import read_events, unreadable, unsettled
from dualano_setup.repairs.action import Plan, Workshop
from dualano_setup.repairs.actions.download import Download
from dualano_setup.repairs.actions.environment import environment_state
from dualano_setup.repairs.actions.files import WriteFile
from dualano_setup.repairs.journal.apply import Session, apply_plan
from dualano_setup.repairs.journal.journal import all_fixes, foreign_fixes
from dualano_setup.repairs.journal.lock import locked
from dualano_setup.repairs.journal.undo import not_followed, recover
from dualano_setup.runs.records import RunRecord, read
from tests.hostile.files import HUGE, gigabyte, loop, nested, zeros
from tests.repairs.actions.test_download import DATA, server
from tests.repairs.snapshot import sha

FORMS = pytest.mark.parametrize("form", [gigabyte, os.mkfifo, loop, zeros, os.mkdir, nested])


@pytest.fixture(autouse=True)
def peak():
    """No test may add more than 200 MB to what this process ever held at once."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


ID = "20260101-000000"


@FORMS
def test_a_journal(tmp_path, form):
    """What no fix wrote is told as that, and settled by nothing: it does not count as cut short for ever."""
    folder = tmp_path / ".dualano" / "fixes" / ID
    folder.mkdir(parents=True)
    form(folder / "journal.jsonl")
    told = " ".join(not_followed(tmp_path))
    if form is nested:  # no whole event: cut off before it began, and removed
        assert (read_events(folder / "journal.jsonl"), unsettled(tmp_path), told) == ([], [ID], "")
        assert recover(tmp_path, Session(tmp_path).workshop) == []
        assert not folder.exists()
        return
    assert [event["event"] for event in read_events(folder / "journal.jsonl")] == ["unreadable"]
    assert [journal.folder for journal in foreign_fixes(tmp_path)] == [folder]
    assert (all_fixes(tmp_path), unsettled(tmp_path)) == ([], [])
    assert unreadable(tmp_path) == [told]
    assert f"{folder} cannot be read (" in told
    assert recover(tmp_path, Session(tmp_path).workshop) == []
    assert folder.exists()


def test_a_readable_journal_that_came_along_is_not_called_cut_short(tmp_path):
    folder = tmp_path / ".dualano" / "fixes" / ID
    folder.mkdir(parents=True)
    (folder / "journal.jsonl").write_text('{"event": "begun", "inodes": [1, 2]}\n')
    assert (unsettled(tmp_path), unreadable(tmp_path)) == ([], [])
    assert "was not written here" in not_followed(tmp_path)[0]


@pytest.mark.parametrize("name", [ID, "Documents"])
@pytest.mark.parametrize("place", [".dualano", ".dualano/fixes", f".dualano/fixes/{ID}"])
def test_a_link_in_the_place_of_fixes_costs_nobody_a_file(tmp_path, place, name):
    """A fix without a first event is removed; a link must not make fixes of the folders of a home."""
    home, project = tmp_path / "home", tmp_path / "project"
    thesis = home / "fixes" / name / "thesis.txt"
    thesis.parent.mkdir(parents=True)
    thesis.write_text("mine")
    link = project / place
    link.parent.mkdir(parents=True)
    link.symlink_to({".dualano": home, ".dualano/fixes": home / "fixes"}.get(place, thesis.parent))
    recover(project, Session(project).workshop)
    assert unsettled(project) == []
    assert thesis.read_text() == "mine"


def test_a_lock_that_is_somebodys_file_is_not_written_to(tmp_path):
    lock = tmp_path / ".dualano" / "lock"
    lock.parent.mkdir()
    lock.write_text("mine")
    with locked(tmp_path):
        assert lock.read_text() == "mine"
    lock.write_text("")
    for _time in range(2):
        with locked(tmp_path):
            assert json.loads(lock.read_text())["pid"] == os.getpid()


def test_a_folder_with_more_in_it_than_a_plan_is_not_removed(tmp_path):
    kept = tmp_path / ".dualano" / "fixes" / ID / "00" / "image"
    kept.parent.mkdir(parents=True)
    kept.write_text("old bytes of a fix whose journal a damaged disk lost")
    (tmp_path / ".dualano" / "fixes" / f"{ID}-2" / "plan.json").mkdir(parents=True)
    assert recover(tmp_path, Session(tmp_path).workshop) == []
    assert kept.exists()
    assert len(not_followed(tmp_path)) == 2


def test_no_fix_begins_behind_a_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".dualano").mkdir()
    (tmp_path / ".dualano" / "fixes").symlink_to(tmp_path / "elsewhere")
    plan = Plan(ID, (WriteFile(tmp_path / "file", b"new", "", ("ACC001",), ""),), "")
    with pytest.raises(RepairError, match="is a link"):
        apply_plan(plan, Session(tmp_path, say=lambda _line: None))
    assert not (tmp_path / "file").exists()


@FORMS
@pytest.mark.parametrize("name", ["pyvenv.cfg", "conda-meta/history", "lib/python3.11/site-packages"])
def test_an_environments_state(tmp_path, form, name):
    place = tmp_path / name
    place.parent.mkdir(parents=True, exist_ok=True)
    form(place)
    assert len(environment_state(tmp_path)) == 16


def test_the_state_of_a_large_file_changes_with_its_size(tmp_path):
    gigabyte(tmp_path / "pyvenv.cfg")
    before = environment_state(tmp_path)
    os.truncate(tmp_path / "pyvenv.cfg", HUGE + 1)
    assert environment_state(tmp_path) != before


@FORMS
def test_a_runs_record_and_log(tmp_path, form):
    form(tmp_path / "file")
    assert read(RunRecord, tmp_path / "file") is None
    assert len(read_end_bytes(tmp_path / "file", 1000)) <= 1000


@pytest.mark.parametrize("ranges", [True, False])
def test_no_download_goes_through_a_link(tmp_path, ranges):
    """What was half fetched waits in the project under a name that a stranger can foretell."""
    mine = tmp_path / "mine"
    mine.write_bytes(b"mine")
    project = tmp_path / "project"
    workshop = Workshop(project / "fix" / "00", project, say=lambda _line: None)
    workshop.folder.mkdir(parents=True)
    with server(ranges) as (url, asked):
        step = Download(url, tmp_path / "model" / "unet", sha(DATA), len(DATA), ("MODEL002",), "")
        part = project / ".dualano" / "downloads" / f"{step.sha256}.part"
        part.parent.mkdir(parents=True)
        part.symlink_to(mine)
        step.apply(workshop)
    assert (mine.read_bytes(), asked) == (b"mine", [""])
    assert step.path.read_bytes() == DATA
    assert not step.path.is_symlink()


@pytest.mark.parametrize("form", [os.mkfifo, loop, zeros, os.mkdir])
def test_what_is_no_file_is_not_downloaded_into(tmp_path, form):
    workshop = Workshop(tmp_path / "fix" / "00", tmp_path, say=lambda _line: None)
    workshop.folder.mkdir(parents=True)
    with server() as (url, _asked):
        step = Download(url, tmp_path / "model" / "unet", sha(DATA), len(DATA), ("MODEL002",), "")
        part = tmp_path / ".dualano" / "downloads" / f"{step.sha256}.part"
        part.parent.mkdir(parents=True)
        form(part)
        if form is os.mkdir:
            with pytest.raises(RepairError, match="is not a file"):
                step.apply(workshop)
            return
        step.apply(workshop)
    assert step.path.read_bytes() == DATA
