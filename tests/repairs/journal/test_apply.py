"""A whole fix: applied, proved, taken back when anything goes wrong, undone on request."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import resource
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from dualano_setup.errors import RepairError
from dualano_setup.facts.fixes import unsettled
from dualano_setup.repairs.action import Cost, Plan
from dualano_setup.repairs.actions.files import MoveAside, WriteFile
from dualano_setup.repairs.journal import serial
from dualano_setup.repairs.journal.apply import Session, apply_plan
from dualano_setup.repairs.journal.journal import all_fixes, new_id
from dualano_setup.repairs.journal.lock import LockedError, locked
from dualano_setup.repairs.journal.undo import find_fix, recover, undo_fix
from tests.places import PATIENCE
from tests.repairs.snapshot import PAYLOAD, contents, make_user_tree, sha, snapshot, ten_actions
from tests.stub_index import serve


@dataclass(frozen=True)
class Trouble:
    """An action that writes a file and then fails in the way it is told to."""

    kind: ClassVar[str] = "trouble"
    path: Path
    how: str
    rules: tuple[str, ...] = ("PY002",)

    def describe(self):
        return "trouble"

    def details(self):
        return ""

    def cost(self):
        return Cost()

    def apply(self, workshop):
        self.path.write_text("half done")
        if self.how == "repair error":
            raise RepairError("uv said no")
        if self.how == "full disk":
            raise OSError(28, "No space left on device", str(self.path))
        if self.how == "defect":
            raise ZeroDivisionError("ours")
        if self.how in ("SIGINT", "SIGTERM", "SIGHUP"):
            os.kill(os.getpid(), getattr(signal, self.how))
            time.sleep(5)

    def verify(self, workshop):
        return "it did not hold" if self.how == "verify" else ""

    def obstacle(self, workshop):
        return ""

    def undo(self, workshop):
        self.path.unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def known_trouble(monkeypatch):
    monkeypatch.setitem(serial.KINDS, "trouble", Trouble)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


@pytest.fixture
def user(tmp_path):
    (tmp_path / "user").mkdir()
    make_user_tree(tmp_path / "user")
    return tmp_path / "user"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    (folder / "weights").write_bytes(PAYLOAD)
    with serve(folder) as address:
        yield address + "weights"


def run(project, *actions):
    session = Session(project, say=lambda _: None)
    return apply_plan(Plan(new_id(project), actions, ""), session), session


def workshops(session, journal):
    return lambda number: session.workshop(journal, number)


def test_ten_actions_and_their_undo(project, user, url):
    before = snapshot(user)
    outcome, session = run(project, *ten_actions(user, url))
    assert (outcome.status, outcome.problem) == (0, "")
    after = contents(snapshot(user))
    assert after["checkout/requirements.txt"] == b"torch==2.2.0\r\n# mine\r\n"
    assert after["model/vae/vae.safetensors"] == PAYLOAD
    assert "data/odd" not in after
    journal = find_fix(project, None)
    undo_fix(journal, workshops(session, journal))
    assert snapshot(user) == before
    with pytest.raises(RepairError, match="no fix to undo"):
        find_fix(project, None)
    with pytest.raises(RepairError, match="already taken back"):
        find_fix(project, journal.id)


@pytest.mark.parametrize(
    ("how", "status", "words"),
    [
        ("repair error", 1, "uv said no"),
        ("full disk", 1, "No space left"),
        ("verify", 1, "it did not hold"),
        ("SIGINT", 130, "interrupted"),
        ("SIGTERM", 130, "interrupted"),
        ("SIGHUP", 130, "interrupted"),
    ],
)
def test_whatever_fails_everything_is_taken_back(project, user, url, how, status, words):
    before = snapshot(user)
    outcome, _ = run(project, *ten_actions(user, url), Trouble(user / "half", how))
    assert outcome.status == status
    assert words in outcome.problem
    assert outcome.left == ()
    assert snapshot(user) == before
    assert outcome.journal.state() == "taken-back"
    assert unsettled(project) == []


def test_a_defect_of_ours_is_taken_back_and_not_hidden(project, user, url):
    before = snapshot(user)
    with pytest.raises(ZeroDivisionError):
        run(project, *ten_actions(user, url), Trouble(user / "half", "defect"))
    assert snapshot(user) == before


def test_undo_refuses_as_a_whole(project, user, url):
    outcome, session = run(project, *ten_actions(user, url))
    (user / "config.yaml").write_bytes(b"the user's")
    changed = snapshot(user)
    with pytest.raises(RepairError, match="nothing was undone"):
        undo_fix(outcome.journal, workshops(session, outcome.journal))
    assert snapshot(user) == changed
    assert outcome.journal.state() == "finished"


def test_two_fixes_are_undone_newest_first(project, user):
    path = user / "config.yaml"
    texts = [path.read_bytes(), b"one", b"two"]
    for old, new in itertools.pairwise(texts):
        outcome, session = run(project, WriteFile(path, new, sha(old), ("ACC001",), ""))
        assert outcome.status == 0
    for expected in (b"one", texts[0]):
        journal = find_fix(project, None)
        undo_fix(journal, workshops(session, journal))
        assert path.read_bytes() == expected


def test_a_fix_cut_off_after_its_last_proof_is_completed(project, user, url):
    outcome, session = run(project, *ten_actions(user, url))
    file = outcome.journal.folder / "journal.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    assert json.loads(lines[-1])["event"] == "finished"
    file.write_text("".join(lines[:-1]))
    assert "complete" in recover(project, session.workshop)[0]
    assert outcome.journal.state() == "finished"


def test_a_fix_that_never_began_is_forgotten(project):
    (project / ".dualano/fixes/20260101-000000").mkdir(parents=True)
    assert recover(project, Session(project).workshop) == []
    assert all_fixes(project) == []


def test_what_the_user_changed_after_a_crash_is_left_and_told(project, user):
    path = user / "config.yaml"
    action = WriteFile(path, b"ours", sha(path.read_bytes()), ("ACC001",), "")
    outcome, session = run(project, action)
    file = outcome.journal.folder / "journal.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:2]))
    path.write_bytes(b"the user's")
    told = recover(project, session.workshop)
    assert "except" in told[1]
    assert path.read_bytes() == b"the user's"
    assert recover(project, session.workshop) == []


def _fix_with_little_room(project, user, url, limit, results):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        outcome, _ = run(project, *ten_actions(user, url))
    except OSError:
        results.put(("not begun", ""))
    else:
        results.put((outcome.status, outcome.problem))


def test_a_full_disk_at_any_size(project, user, url):
    """RLIMIT_FSIZE makes every write beyond the limit fail, as a full disk does; the journal's own as well."""
    context = multiprocessing.get_context("fork")
    before, seen = snapshot(user), set()
    for limit in (0, 10, 100, 1000, 2000, 2500, 3000, 3200, 3600):
        results = context.SimpleQueue()
        child = context.Process(target=_fix_with_little_room, args=(project, user, url, limit, results))
        child.start()
        child.join()
        status, _ = results.get() if not results.empty() else ("died", "")
        seen.add(status)
        recover(project, Session(project, say=lambda _: None).workshop)
        assert snapshot(user) == before, limit
    assert 0 not in seen
    assert 1 in seen


def test_the_lock_names_its_holder_and_is_never_stale(project):
    context = multiprocessing.get_context("fork")
    ready, go = context.Event(), context.Event()

    def hold():
        with locked(project):
            ready.set()
            go.wait(PATIENCE)
            os.kill(os.getpid(), signal.SIGKILL)

    child = context.Process(target=hold)
    child.start()
    assert ready.wait(PATIENCE)
    with pytest.raises(LockedError, match=f"process {child.pid} on .*, since"), locked(project, patience=0.2):
        pass
    go.set()
    child.join()
    with locked(project, patience=0):
        pass


def test_a_tree_is_locked_across_projects(tmp_path, user):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    entered = []

    def second():
        try:
            with locked(tmp_path / "two", [user], patience=0.2):
                entered.append("in")
        except LockedError as error:
            entered.append(str(error))

    with locked(tmp_path / "one", [user]):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert "from another project" in entered[0]
    assert snapshot(user) == snapshot(user)
    with locked(tmp_path / "two", [user], patience=0):
        pass


def _one_of_many(project, user, results):
    with locked(project, patience=20):
        path = user / "config.yaml"
        action = WriteFile(path, b"fixed", "" if not path.exists() else sha(path.read_bytes()), ("ACC001",), "")
        results.put(apply_plan(Plan(new_id(project), (action,), ""), Session(project, say=lambda _: None)).status)


def test_eight_doctors_at_once(project, user):
    context = multiprocessing.get_context("fork")
    before, results = snapshot(user), context.SimpleQueue()
    children = [context.Process(target=_one_of_many, args=(project, user, results)) for _ in range(8)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [results.get() for _ in children] == [0] * 8
    assert len(all_fixes(project)) == 8
    session = Session(project, say=lambda _: None)
    for _ in children:
        journal = find_fix(project, None)
        undo_fix(journal, workshops(session, journal))
    assert snapshot(user) == before


def test_a_file_moved_aside_and_written_anew_is_undone(project, user):
    before, path = snapshot(user), user / "config.yaml"
    outcome, session = run(
        project, MoveAside(path, ("ACC003",), "not YAML"), WriteFile(path, b"new: 1\n", "", ("ACC003",), "")
    )
    assert (outcome.status, path.read_bytes()) == (0, b"new: 1\n")
    undo_fix(outcome.journal, workshops(session, outcome.journal))
    assert snapshot(user) == before
