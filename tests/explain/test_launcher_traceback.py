"""The launcher's own traceback is not shown; every other line is, in its order."""

from __future__ import annotations

import io

import pytest

from dualano_setup.explain.launcher_traceback import WithoutLament
from dualano_setup.runs.watch.live import watch_run
from tests.runs.standin import started

OURS = ["Traceback (most recent call last):", '  File "loop.py", line 3', "    step()", "RuntimeError: no memory"]
LAMENT = [
    "Traceback (most recent call last):",
    '  File "launch.py", line 9',
    "subprocess.CalledProcessError: Command '['python', 'train.py']' returned non-zero exit status 1.",
]
LINES = ["loading", *OURS, "error: it failed", *LAMENT, "after it"]
EXPECTED = ["loading", *OURS, "error: it failed", "after it"]


def test_only_the_launchers_traceback_is_left_out():
    assert WithoutLament().lines(LINES, rest=True) == EXPECTED


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_however_the_lines_arrive(size):
    lament = WithoutLament()
    shown = [line for start in range(0, len(LINES), size) for line in lament.lines(LINES[start : start + size])]
    assert shown + lament.lines([], rest=True) == EXPECTED


def test_a_command_that_launches_nothing_is_no_launchers():
    lines = [*LAMENT[:2], LAMENT[2].replace("'python', 'train.py'", "'git', 'lfs', 'pull'")]
    assert WithoutLament().lines(lines, rest=True) == lines


def test_a_traceback_that_breaks_off_is_shown_at_the_end():
    lament = WithoutLament()
    assert lament.lines([*OURS[:3]]) == []
    assert lament.lines([*LAMENT[:2]]) == OURS[:3]
    assert lament.lines([], rest=True) == LAMENT[:2]


def test_a_person_sees_the_trainings_traceback_alone(tmp_path):
    run = started(tmp_path, pause=0.01, words=("crash",))
    stream = io.StringIO()
    watch_run(run.run, run.record, stream, color=False)
    said = stream.getvalue()
    assert "RuntimeError: mat1 and mat2" in said
    assert "CalledProcessError" not in said
    assert said.count("Traceback") == 1
    assert "CalledProcessError" in run.run.log.read_text()
