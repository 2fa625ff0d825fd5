"""The judge of runs, from records made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dualano_setup.runs.records import ExitRecord, ProcessRecord, RunRecord, StopRequest, read, write
from dualano_setup.runs.state import (
    GONE_SECONDS,
    RESTARTED_SECONDS,
    STALLED_SECONDS,
    STARTING_SECONDS,
    Sight,
    in_words,
    judge_run,
)
from dualano_setup.system.processes import Identity

RECORD = RunRecord(
    "r", "k", "bundled", ("python",), "/", {}, "/o", 10, "here", 1000.0, boot="boot", namespace="pid:[1]"
)
PROCESSES = ProcessRecord(Identity(7, "55", "boot"), Identity(8, "56", "boot"), 1001.0)

GONE = {"supervisor_alive": False, "others_alive": 0}


def sight(**changes):
    given = {
        "record": RECORD, "processes": PROCESSES, "stop": None, "exit": None, "supervisor_alive": True,
        "others_alive": 1, "boot": "boot", "host": "here", "now": 1100.0, "silence": 1.0,
        "unheard": 1.0, "namespace": "pid:[1]",
    }  # fmt: skip
    return Sight(**(given | changes))


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({}, "running", ""),
        ({"silence": STALLED_SECONDS + 1}, "running", "stalled"),
        ({"stop": StopRequest("stop", 1)}, "running", "asked to end"),
        ({"supervisor_alive": False}, "running", "supervisor was killed"),
        ({"supervisor_alive": False, "others_alive": 0}, "lost", "killed"),
        ({**GONE, "done": True}, "finished", ""),
        ({**GONE, "stop": StopRequest("stop", 1)}, "stopped", "stop"),
        ({**GONE, "stop": StopRequest("system", 1)}, "interrupted", "shutdown"),
        ({"boot": "later"}, "elsewhere", "another machine called here"),
        ({"boot": "later", "unheard": RESTARTED_SECONDS}, "lost", "restarted"),
        ({"boot": "later", "unheard": RESTARTED_SECONDS, "done": True}, "finished", ""),
        ({"host": "there"}, "running", ""),
        ({"host": "there", "boot": "theirs"}, "elsewhere", "on here"),
        ({"host": "there", "boot": "theirs", "unheard": GONE_SECONDS - 1}, "elsewhere", "on here"),
        ({"host": "there", "boot": "theirs", "unheard": GONE_SECONDS}, "lost", "taken for ended"),
        ({"namespace": "pid:[2]"}, "elsewhere", "another container"),
        ({"namespace": "pid:[2]", "processes": None}, "elsewhere", "another container"),
        ({"namespace": "pid:[2]", "unheard": GONE_SECONDS}, "lost", "taken for ended"),
        ({"namespace": ""}, "running", ""),
        ({"record": replace(RECORD, boot="", namespace=""), "host": "there"}, "running", ""),
        ({"record": replace(RECORD, boot="", namespace=""), "host": "there", "processes": None}, "elsewhere", "here"),
        ({"processes": None, "now": 1000.0 + STARTING_SECONDS - 1}, "starting", "not up"),
        ({"processes": None, **GONE, "now": 1000.0 + STARTING_SECONDS + 1}, "lost", "never came up"),
        (
            {"processes": None, "supervisor_alive": False, "now": 1000.0 + STARTING_SECONDS + 1},
            "running",
            "supervisor was killed",
        ),
        ({"exit": ExitRecord(0, 1)}, "finished", ""),
        ({"exit": ExitRecord(0, 1), "stop": StopRequest("stop", 1)}, "finished", ""),
        ({"exit": ExitRecord(1, 1, 1)}, "failed", "exit status 1"),
        ({"exit": ExitRecord(1, 1, -9)}, "failed", "SIGKILL"),
        ({"exit": ExitRecord(1, 1, 130), "stop": StopRequest("ctrl-c", 1)}, "stopped", "Ctrl-C"),
        ({"exit": ExitRecord(-2, 1), "stop": StopRequest("stop", 1)}, "stopped", "stop"),
        ({"exit": ExitRecord(1, 1, 138)}, "interrupted", "wrote a checkpoint"),
        ({"exit": ExitRecord(1, 1, -10)}, "failed", "SIGUSR1"),  # before the handler: nothing was written
        ({"exit": ExitRecord(1, 1, 1), "stop": StopRequest("stop", 1)}, "failed", "exit status 1"),
        ({"exit": ExitRecord(1, 1, 130), "stop": StopRequest("terminal", 1)}, "interrupted", "terminal"),
        ({"exit": ExitRecord(127, 1, problem="no python")}, "failed", "no python"),
        ({"exit": ExitRecord(0, 1), "boot": "later", "host": "there"}, "finished", ""),
    ],
)
def test_states(changes, state, words):
    verdict = judge_run(sight(**changes))
    assert verdict.state == state
    assert words in verdict.detail


def test_statuses_in_words():
    assert in_words(1) == "exit status 1"
    assert in_words(-11).startswith("killed by SIGSEGV")
    assert in_words(143) == "killed by SIGTERM"


@pytest.mark.parametrize("record", [RECORD, PROCESSES, StopRequest("stop", 2.0), ExitRecord(1, 3.0, 1, ("a", "b"))])
def test_records_come_back_as_they_were(tmp_path, record):
    write(record, tmp_path / "r.json")
    assert read(type(record), tmp_path / "r.json") == record
    assert [file.name for file in tmp_path.iterdir()] == ["r.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": 1}', "\xff"])
def test_a_damaged_record_is_none(tmp_path, text):
    (tmp_path / "run.json").write_text(text, encoding="latin-1")
    assert read(RunRecord, tmp_path / "run.json") is None
