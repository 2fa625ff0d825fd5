"""Reading a log as it grows, whatever stands in its place."""

from __future__ import annotations

import os

import pytest

from dualano_setup.runs.watch.follow import Follower


def test_lines_come_whole_and_once(tmp_path):
    log = tmp_path / "log"
    follower = Follower(log)
    assert follower.lines() == []
    log.write_bytes(b"one\ntw")
    assert follower.lines() == ["one"]
    with log.open("ab") as file:
        file.write("o\r10%\r20% é".encode()[:-1])
    assert follower.lines() == ["two", "10%"]
    with log.open("ab") as file:
        file.write("é".encode()[-1:])
    assert follower.lines(rest=True) == ["20% é"]
    log.write_bytes(b"new\n")
    assert follower.lines() == ["new"]


@pytest.mark.parametrize("place", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_not_waited_for(tmp_path, place):
    place(tmp_path / "log")
    assert Follower(tmp_path / "log").lines(rest=True) == []


def test_a_line_without_end_is_given_in_parts(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"x" * (5 << 20))
    follower = Follower(log)
    parts = [line for _round in range(6) for line in follower.lines()]
    assert sum(map(len, parts)) + len("".join(follower.lines(rest=True))) == 5 << 20
    assert max(map(len, parts)) <= 2 << 20
