"""A folder on a file system without locks: one training at a time all the same, and said aloud."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.places import ROOT
from tests.runs.standin import wait_for
from trainer.errors import TrainerError
from trainer.files.holder_file import HOLDER_NAME, _this_process, held
from trainer.run_folder.folder import claimed

WITHOUT_LOCKS = (
    "import errno, fcntl, os, sys\n"
    "def flock(*_): raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))\n"
    "fcntl.flock = flock\n"
    "from pathlib import Path\nfrom trainer.run_folder.folder import claimed\n"
)


@pytest.fixture(params=[errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def no_locks(monkeypatch, request):
    def flock(*_arguments):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", flock)


def _other(folder: Path, then: str) -> subprocess.Popen[str]:
    """Another process that claims `folder`."""
    program = f"{WITHOUT_LOCKS}with claimed(Path({str(folder)!r})):\n    print('in', flush=True); {then}"
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", program], env=variables, text=True, stdout=subprocess.PIPE)


def test_the_second_of_two_is_refused_and_the_lack_is_said(tmp_path, no_locks, capsys):
    with claimed(tmp_path), pytest.raises(TrainerError, match=rf"process {os.getpid()} on .* writes into"):
        claimed(tmp_path).__enter__()
    assert "has no locks" in capsys.readouterr().err
    assert not (tmp_path / HOLDER_NAME).exists()
    with claimed(tmp_path):
        pass


def test_another_process_is_kept_out_and_what_it_left_is_taken_over_when_it_was_killed(tmp_path, no_locks):
    other = _other(tmp_path, "import time; time.sleep(600)")
    assert other.stdout.readline() == "in\n"
    with pytest.raises(TrainerError, match=f"process {other.pid} on"), claimed(tmp_path):
        pass
    other.kill()
    other.wait()
    assert (tmp_path / HOLDER_NAME).exists()
    with claimed(tmp_path):
        assert json.loads((tmp_path / HOLDER_NAME).read_text())["pid"] == os.getpid()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".training-lock"]


@pytest.mark.parametrize(
    "changes", [{"boot": "another"}, {"namespace": "pid:[1]"}, {"boot": "", "namespace": ""}, {"pid": "7"}]
)
def test_one_that_may_live_elsewhere_keeps_its_folder(tmp_path, changes):
    there = replace(_this_process(), host="node-7", started="1", **changes)
    (tmp_path / HOLDER_NAME).write_text(json.dumps(asdict(there)))
    with pytest.raises(TrainerError, match=r"on node-7\).*remove .*training-holder"), held(tmp_path):
        pass
    assert json.loads((tmp_path / HOLDER_NAME).read_text())["host"] == "node-7"


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense"])
def test_a_file_that_says_nothing_is_not_taken_over(tmp_path, text):
    (tmp_path / HOLDER_NAME).write_text(text)
    with pytest.raises(TrainerError, match="somebody"), held(tmp_path):
        pass


def test_a_number_used_again_is_not_the_holder(tmp_path):
    gone = replace(_this_process(), started="1")
    (tmp_path / HOLDER_NAME).write_text(json.dumps(asdict(gone)))
    with held(tmp_path):
        assert json.loads((tmp_path / HOLDER_NAME).read_text())["started"] == _this_process().started


def test_where_there_are_no_links_either(tmp_path, monkeypatch):
    def link(*_arguments):
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", link)
    with held(tmp_path), pytest.raises(TrainerError), held(tmp_path):
        pass


def test_of_many_at_once_one_gets_it(tmp_path):
    stale = replace(_this_process(), started="1")
    (tmp_path / HOLDER_NAME).write_text(json.dumps(asdict(stale)))
    end = tmp_path / "end"
    others = [
        _other(tmp_path, f"import time\n    while not Path({str(end)!r}).exists(): time.sleep(0.05)") for _ in range(6)
    ]
    wait_for(lambda: sum(other.poll() == 1 for other in others) >= 5)
    end.touch()
    assert sorted(other.wait() for other in others) == [0, 1, 1, 1, 1, 1]
