"""Where the file system has no flock: one doctor at a time all the same, and said aloud."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace

import pytest

from dualano_setup.repairs.journal.holder import held, read, this_process
from dualano_setup.repairs.journal.lock import HOLDER_NAME, LockedError, locked
from tests.places import ROOT
from tests.runs.standin import wait_for

#: What a program runs first that shall find no locks: by PYTHONPATH, as `sitecustomize`.
WITHOUT_LOCKS = (
    "import errno, fcntl, os\n"
    "def flock(*_): raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))\n"
    "fcntl.flock = flock\n"
)


@pytest.fixture(params=[errno.ENOLCK, errno.EINVAL], ids=errno.errorcode.get)
def no_locks(monkeypatch, request):
    def flock(*_arguments):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "checkout").mkdir()
    return tmp_path / "project"


def _other(project, then="time.sleep(600)", before=""):
    """Another process that works on the project."""
    program = (
        f"{WITHOUT_LOCKS}import time\n{before}\nfrom pathlib import Path\n"
        "from dualano_setup.repairs.journal.lock import locked\n"
        f"with locked(Path({str(project)!r}), patience=0):\n    print('in', flush=True); {then}"
    )
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", program], env=variables, text=True, stdout=subprocess.PIPE)


def test_the_second_is_refused_and_the_lack_is_said(project, no_locks):
    said, checkout = [], project.parent / "checkout"
    with locked(project, [checkout], say=said.append) as locks:
        locks.trees([checkout])  # again, as a plan is made and then done: no lock against oneself
        with pytest.raises(LockedError, match=f"process {os.getpid()} on .*, since .*remove that file"):
            locked(project, patience=0.2).__enter__()
        (project.parent / "two").mkdir()
        with pytest.raises(LockedError, match="from another project"):
            locked(project.parent / "two", [checkout], patience=0.2).__enter__()
    assert [HOLDER_NAME in said[0], ".checkout.dualano-lock" in said[1], len(said)] == [True, True, 2]
    assert sorted(path.name for path in project.parent.iterdir()) == ["checkout", "project", "two"]
    assert [path.name for path in (project / ".dualano").iterdir()] == ["lock"]


def test_one_that_was_killed_is_followed_one_that_was_stopped_is_not(project, no_locks):
    other = _other(project)
    assert other.stdout.readline() == "in\n"
    os.kill(other.pid, signal.SIGSTOP)
    with pytest.raises(LockedError, match=f"process {other.pid} on"), locked(project, patience=0.3):
        pass
    other.kill()
    other.wait()
    with locked(project, patience=0):
        assert read(project / ".dualano" / HOLDER_NAME).pid == os.getpid()
    assert not (project / ".dualano" / HOLDER_NAME).exists()


@pytest.mark.parametrize("changes", [{"boot": "another"}, {"namespace": "pid:[1]"}])
def test_one_that_may_live_elsewhere_keeps_it_with_locks_and_without(project, changes, monkeypatch):
    file = project / ".dualano" / HOLDER_NAME
    file.parent.mkdir()
    there = replace(this_process(), host="node-7", pid=1 << 22, started="1", **changes)
    for _ in range(2):
        file.write_text(json.dumps(asdict(there)))
        with pytest.raises(LockedError, match="on node-7"), locked(project, patience=0):
            pass
        assert read(file) == there
        monkeypatch.setattr(fcntl, "flock", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOLCK, "none")))


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense", '{"pid": 7}'])
def test_a_file_that_says_nothing_is_nobodys_to_take(project, no_locks, text):
    file = project / ".dualano" / HOLDER_NAME
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(LockedError), locked(project, patience=0):
        pass


def test_a_successor_that_was_killed_has_a_successor(tmp_path):
    file = tmp_path / "holder"
    gone = replace(this_process(), started="1")
    file.write_text(json.dumps(asdict(gone)))
    (tmp_path / f"holder.after-{gone.pid}-1").write_text(json.dumps(asdict(replace(gone, started="2"))))
    with held(file, 0):
        assert read(file) == this_process() or read(file).started != "1"
    assert list(tmp_path.iterdir()) == []


def test_where_there_are_no_links_either(project, no_locks, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "no links")))
    with locked(project), pytest.raises(LockedError), locked(project, patience=0):
        pass


def test_of_many_at_once_after_a_killed_one_only_one_gets_it(project):
    stale = replace(this_process(), started="1")
    (project / ".dualano").mkdir()
    (project / ".dualano" / HOLDER_NAME).write_text(json.dumps(asdict(stale)))
    end, start = project / "end", project / "start"
    until = "while not Path({!r}).exists(): time.sleep(0.02)"
    others = [
        _other(
            project,
            then=f"\n    {until.format(str(end))}",
            before=f"from pathlib import Path\n{until.format(str(start))}",
        )
        for _ in range(5)
    ]
    start.touch()
    wait_for(lambda: sum(other.poll() == 1 for other in others) == 4)
    end.touch()
    assert sorted(other.wait() for other in others) == [0, 1, 1, 1, 1]


def test_a_command_says_it_and_works(project):
    (project.parent / "sitecustomize.py").write_text(WITHOUT_LOCKS)
    variables = os.environ | {"PYTHONPATH": f"{project.parent}:{ROOT}"}
    command = [sys.executable, "-m", "dualano_setup", "undo"]
    done = subprocess.run(command, cwd=project, env=variables, capture_output=True, text=True)
    assert f"{HOLDER_NAME} keeps others out instead" in done.stdout + done.stderr
    assert "no fix" in done.stderr, done
