"""The reason of a failure, out of logs as real launchers leave them."""

from __future__ import annotations

import pytest

from dualano_setup.explain.last_error import last_error, lines_of, tail, trainer_status

LAMENT = """\
Traceback (most recent call last):
  File "/env/lib/python3.11/site-packages/accelerate/commands/launch.py", line 999, in simple_launcher
    raise subprocess.CalledProcessError(returncode=process.returncode, cmd=cmd)
subprocess.CalledProcessError: Command '['/env/bin/python', 'train.py']' returned non-zero exit status 1.
"""
TRAINER = """\
Steps:  10%|#         | 1/10 [00:01<00:09]\rSteps:  20%|##        | 2/10 [00:02<00:08]
Traceback (most recent call last):
  File "/run/code/trainer/loop.py", line 80, in run
    loss.backward()
RuntimeError: mat1 and mat2 must have the same dtype, but got Half and Float
"""


def test_the_trainers_exception_wins_over_the_launchers():
    assert last_error(TRAINER + LAMENT) == (
        'File "/run/code/trainer/loop.py", line 80, in run',
        "RuntimeError: mat1 and mat2 must have the same dtype, but got Half and Float",
    )


@pytest.mark.parametrize(
    "line",
    [
        "error: The GPU's memory is full. In this order, try: --gradient_checkpointing",
        "python -m trainer: error: --resolution is 100; expected a multiple of 64, such as 512",
        "/env/bin/python: No module named accelerate.commands.launch",
        "Fatal Python error: Segmentation fault",
    ],
)
def test_errors_without_a_traceback_are_found(line):
    assert last_error(f"loading\n{line}\n{LAMENT}") == (line,)


def test_a_message_of_several_lines_keeps_them_and_not_the_lament():
    log = 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: two\n  lines\n' + LAMENT
    assert last_error(log) == ('File "a.py", line 1', "ValueError: two", "  lines")


def test_an_exception_under_several_processes_loses_its_rank():
    log = (
        "[rank1]: Traceback (most recent call last):\n[rank1]:   File \"a.py\", line 3\n[rank1]: KeyError: 'x'\n"
        + LAMENT
    )
    assert last_error(log)[-1] == "KeyError: 'x'"


def test_without_any_error_the_last_line_is_all_there_is():
    assert last_error("loading\nstep 3 done\n") == ("step 3 done",)
    assert last_error("") == ()


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (LAMENT, 1),
        ("CalledProcessError: Command '['x']' died with <Signals.SIGKILL: 9>.", -9),
        ("  exitcode  : -11 (pid: 12)", -11),
        ("all is well", None),
    ],
)
def test_the_training_processs_own_status(text, status):
    assert trainer_status(text) == status


def test_a_redrawn_line_counts_once():
    assert lines_of("a\rb\rc\nd") == ["c", "d"]
    assert tail("1\n2\n3\n\n\n", 2) == ["2", "3"]
    assert tail("1\n2", 0) == []
