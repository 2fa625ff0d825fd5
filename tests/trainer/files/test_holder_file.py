"""A folder on a file system without locks: one training at a time all the same, and said aloud."""

from __future__ import annotations

import errno
import fcntl
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tests.runs.standin import wait_for
from trainer.errors import TrainerError
from trainer.files.holder_file import HOLDER_NAME, _succeeded, _this_process, held
from trainer.run_folder.folder import claimed


@pytest.fixture(params=[errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def no_locks(monkeypatch, request):
    def flock(*_arguments):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", flock)


@contextmanager
def _others(folder: Path, number: int, end: Path) -> Iterator[list[BaseProcess]]:
    """That many processes that claim `folder` at once, and keep it until `end` is there; 1 is the status of refusal."""
    others = [multiprocessing.get_context("fork").Process(target=_claim, args=(folder, end)) for _ in range(number)]
    for other in others:
        other.start()
    yield others
    for other in others:
        other.kill()
        other.join()


def _claim(folder: Path, end: Path) -> None:
    try:
        with claimed(folder):
            (folder / "in").touch()
            while not end.exists():
                time.sleep(0.05)
    except TrainerError:
        sys.exit(1)


def test_the_second_of_two_is_refused_and_the_lack_is_said(tmp_path, no_locks, capsys):
    with claimed(tmp_path), pytest.raises(TrainerError, match=rf"process {os.getpid()} on .* writes into"):
        claimed(tmp_path).__enter__()
    assert "has no locks" in capsys.readouterr().err
    assert not (tmp_path / HOLDER_NAME).exists()
    with claimed(tmp_path):
        pass


def test_another_process_is_kept_out_and_what_it_left_is_taken_over_when_it_was_killed(tmp_path, no_locks):
    with _others(tmp_path, 1, tmp_path / "end") as (other,):
        wait_for((tmp_path / "in").exists)
        with pytest.raises(TrainerError, match=f"process {other.pid} on"), claimed(tmp_path):
            pass
    (tmp_path / "in").unlink()
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


def test_of_many_at_once_one_gets_it(tmp_path, no_locks):
    stale = replace(_this_process(), started="1")
    (tmp_path / HOLDER_NAME).write_text(json.dumps(asdict(stale)))
    end = tmp_path / "end"
    with _others(tmp_path, 6, end) as others:
        wait_for(lambda: sum(other.exitcode == 1 for other in others) >= 5)
        end.touch()
        for other in others:
            other.join()
        assert sorted(other.exitcode for other in others) == [0, 1, 1, 1, 1, 1]


def test_one_that_is_gone_has_one_successor(tmp_path):
    """Each of the two guards alone: somebody is taking over now, and somebody has and is done."""
    own, file = _this_process(), tmp_path / HOLDER_NAME
    gone, other = replace(own, started="1"), replace(own, started="2")
    file.write_text(json.dumps(asdict(gone)))
    taking_over = tmp_path / f"{HOLDER_NAME}.after-{gone.pid}-1"
    taking_over.write_text(json.dumps(asdict(other)))
    assert not _succeeded(file, gone, own)
    assert json.loads(file.read_text()) == asdict(gone)
    taking_over.unlink()
    file.write_text(json.dumps(asdict(other)))
    assert not _succeeded(file, gone, own)
    assert json.loads(file.read_text()) == asdict(other)
    assert list(tmp_path.iterdir()) == [file]
