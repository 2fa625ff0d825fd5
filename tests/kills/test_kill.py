"""kill -9 at every file-system call and at random moments: afterwards all is as before or as planned.

The moments come from the interpreter's own audit events, one before every open, rename, removal, ... so none is missed
and the product holds no hook for it.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from dualano_setup.repairs.action import Plan
from dualano_setup.repairs.journal.apply import Session, apply_plan
from dualano_setup.repairs.journal.journal import Journal, all_fixes, new_id
from dualano_setup.repairs.journal.lock import locked
from dualano_setup.repairs.journal.undo import find_fix, recover, undo_fix
from tests.repairs.snapshot import PAYLOAD, contents, make_user_tree, snapshot, ten_actions
from tests.stub_index import serve

WRITES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.utime", "os.chmod", "os.truncate")


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    (folder / "weights").write_bytes(PAYLOAD)
    with serve(folder) as address:
        import requests  # imported before any fork, so that no audit event of an import is counted

        requests.get(address + "weights", timeout=5)
        yield address + "weights"


class World:
    """A user's tree, the ten-action fix on it, and what it looks like before and after."""

    def __init__(self, root: Path, url: str) -> None:
        self.project = root / "project"
        self.user = root / "user"
        self.project.mkdir()
        self.user.mkdir()
        make_user_tree(self.user)
        self.url = url
        self.before = snapshot(self.user)
        self.session = Session(self.project, say=lambda _: None)

    def fix(self) -> None:
        with locked(self.project):
            apply_plan(Plan(new_id(self.project), ten_actions(self.user, self.url), ""), self.session)

    def undo(self) -> None:
        with locked(self.project):
            journal = find_fix(self.project, None)
            undo_fix(journal, lambda number: self.session.workshop(journal, number))

    def recover(self) -> list[str]:
        with locked(self.project, patience=5):
            return recover(self.project, self.session.workshop)

    def reset(self) -> None:
        shutil.rmtree(self.project)
        shutil.rmtree(self.user)
        self.project.mkdir()
        self.user.mkdir()
        make_user_tree(self.user)


def in_a_child(work, after_events: int | None = None, after_seconds: float | None = None) -> int:
    """Runs `work` in a forked child that is killed at that event or moment. Returns the child's raw wait status."""
    child = os.fork()
    if child == 0:
        left = [after_events]

        def count(event: str, _arguments: object) -> None:
            if left[0] is not None and event in WRITES:
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(count)
            work()
        finally:
            os._exit(0)
    if after_seconds is not None:
        time.sleep(after_seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def state_of(world: World) -> str:
    fixes: list[Journal] = all_fixes(world.project)
    return fixes[-1].state() if fixes else "taken-back"


def settle_and_check(world: World, planned: dict[str, object], case: object) -> None:
    world.recover()
    state = state_of(world)
    if state == "finished":
        assert contents(snapshot(world.user)) == planned, case
        world.undo()
    assert snapshot(world.user) == world.before, case
    assert world.recover() == [], case


@pytest.fixture
def world(memory_folder, url):
    return World(memory_folder, url)


@pytest.fixture
def planned(memory_folder, url):
    (memory_folder / "model world").mkdir()
    whole = World(memory_folder / "model world", url)
    whole.fix()
    result = contents(snapshot(whole.user))
    whole.undo()
    assert snapshot(whole.user) == whole.before
    return result


def test_killed_at_every_call_of_a_fix(world, planned):
    killed = 0
    for event in range(2000):
        status = in_a_child(world.fix, after_events=event)
        settle_and_check(world, planned, event)
        world.reset()
        if not os.WIFSIGNALED(status):
            break
        killed += 1
    assert killed > 80, "the fix makes more calls than that; the hook does not count"


def test_killed_at_every_call_of_an_undo(world, planned):
    killed = 0
    for event in range(2000):
        world.fix()
        status = in_a_child(world.undo, after_events=event)
        settle_and_check(world, planned, event)
        world.reset()
        if not os.WIFSIGNALED(status):
            break
        killed += 1
    assert killed > 30


def test_killed_at_every_call_of_the_recovery(world, planned):
    killed = 0
    for event in range(2000):
        in_a_child(world.fix, after_events=70)  # some way in
        status = in_a_child(world.recover, after_events=event)
        settle_and_check(world, planned, event)
        world.reset()
        if not os.WIFSIGNALED(status):
            break
        killed += 1
    assert killed > 10


def test_killed_at_random_moments(world, planned):
    """DUALANO_KILLS sets how many; 500 take some minutes."""
    chance = random.Random(5)
    started = time.monotonic()
    in_a_child(world.fix)
    whole = time.monotonic() - started
    world.undo()
    world.reset()
    for round_ in range(int(os.environ.get("DUALANO_KILLS", "40"))):
        moment = chance.uniform(0, whole * 1.2)
        in_a_child(world.fix, after_seconds=moment)
        settle_and_check(world, planned, (round_, moment))
        world.reset()
