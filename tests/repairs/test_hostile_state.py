"""What strangers can put where the doctor keeps or compares its own state: never waited for, never held whole."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from dualano_setup.repairs.environment import environment_state
from dualano_setup.repairs.journal import all_fixes, foreign_fixes
from dualano_setup.repairs.unfinished import read_events, unsettled
from dualano_setup.runs.cause import read_end_bytes
from dualano_setup.runs.records import RunRecord, read

HUGE = 1 << 30


def gigabyte(path: Path) -> None:
    path.touch()
    os.truncate(path, HUGE)


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def nested(path: Path) -> None:
    path.write_text("[" * 200_000)


FORMS = pytest.mark.parametrize("form", [gigabyte, os.mkfifo, loop, zeros, os.mkdir, nested])


@pytest.fixture(autouse=True)
def peak():
    """No test may add more than 200 MB to what this process ever held at once."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


@FORMS
def test_a_journal(tmp_path, form):
    folder = tmp_path / ".dualano" / "fixes" / "20260101-000000"
    folder.mkdir(parents=True)
    form(folder / "journal.jsonl")
    if form is not nested:
        assert read_events(folder / "journal.jsonl") == [{"event": "unreadable"}]
        assert [journal.folder for journal in foreign_fixes(tmp_path)] == [folder]
        assert all_fixes(tmp_path) == []
    else:
        assert read_events(folder / "journal.jsonl") == []
    assert unsettled(tmp_path) == [folder.name]


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
