"""Logs as they come: any encoding, any line ends, any size, and things that are no logs."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from dualano_setup.errors import UsageError
from dualano_setup.explain.read import BLOCK, explain_blocks, explain_bytes, open_log
from tests.places import ROOT

ERROR = 'Traceback (most recent call last):\n  File "t.py", line 1\nValueError: Attempting to unscale FP16 gradients.\n'


def root(data):
    found = explain_bytes(data).root
    return found.seen.signature.id if found else None


def doctor(*arguments, cwd, stdin=b"", **variables):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LANGUAGE": "en", **variables}
    return subprocess.run(
        [sys.executable, "-m", "dualano_setup", "explain", *arguments],
        cwd=cwd, env=environment, input=stdin, capture_output=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        ERROR.encode(),
        ERROR.replace("\n", "\r\n").encode(),
        ERROR.replace("\n", "\r").encode(),
        b"\xff\xfe" + ERROR.encode("utf-16-le"),
        b"\xfe\xff" + ERROR.encode("utf-16-be"),
        b"\xef\xbb\xbf" + ERROR.encode(),
        b"\xff\xc0\x80 \xed\xa0\x80\n" + ERROR.encode(),
        ERROR.replace("ValueError", "\x1b[1;35mValueError\x1b[0m").encode(),
        ERROR.replace("Attempting to", "\x1b[1mAttempting\x1b[0m to").encode(),
        b"Steps: 1%|# | 3/500 [00:01<03:00, 1.25s/it]" + ERROR.splitlines()[-1].encode(),
        "".join(f"[default0]:{line}\n" for line in ERROR.splitlines()).encode(),
        "".join(f"trainer-1  | {line}\n" for line in ERROR.splitlines()).encode(),
        json.dumps({"level": "error", "log": ERROR}).encode(),
        b"[rank0]: some words [rank1]: ValueError: Attempting to unscale FP16 gradients.",
        b"\0" * 5000 + b"\n" + ERROR.encode(),
        b"x " * 500_000 + b"ValueError: Attempting to unscale FP16 gradients. " + b"y " * 500_000,
    ],
)  # fmt: skip
def test_the_failure_is_seen_through_whatever_wraps_it(data):
    assert root(data) == "unscale-fp16"


def test_a_wording_over_the_seam_of_two_blocks_is_seen():
    for shift in range(0, 60, 7):
        data = b"z" * (BLOCK - 30 + shift) + b" ValueError: Attempting to unscale FP16 gradients. " + b"z" * 9000
        blocks = (data[start : start + BLOCK] for start in range(0, len(data), BLOCK))
        assert explain_blocks(blocks).root is not None


def test_line_numbers_are_an_editors():
    data = ("line\r\n" * 5000 + "bar\rbar\n" + ERROR).encode()
    (named,) = explain_bytes(data).problems
    assert named.seen.line == data[: data.index(b"ValueError")].count(b"\n") + 1


def test_nothing_is_invented():
    explanation = explain_bytes(b"Traceback (most recent call last):\nFooError: bar\n")
    assert (explanation.root.seen.signature.id, explanation.exit_status) == ("uncaught-exception", 1)
    assert explanation.unknown == ("FooError: bar",)
    well = explain_bytes(b"all is well\n")
    assert (well.problems, well.notices, well.unknown, well.exit_status) == ((), (), (), 0)
    assert explain_bytes(b"").exit_status == 0


def test_an_unknown_error_far_from_the_end_is_still_shown():
    log = b"Traceback (most recent call last):\nFooError: bar\n" + b"waiting for the other processes\n" * 20_000
    assert explain_bytes(log).unknown[0] == "FooError: bar"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: p.mkdir(), "folder"),
        (lambda p: None, "No such file"),
        (lambda p: p.symlink_to("/dev/zero"), "device"),
        (lambda p: p.write_bytes(gzip.compress(b"x")), "zcat"),
    ],
)
def test_what_is_no_log_is_refused_in_words(tmp_path, make, says):
    path = tmp_path / "log"
    make(path)
    with pytest.raises(UsageError, match=says):
        open_log(path)
    assert doctor(str(path), cwd=tmp_path).returncode == 2


def test_a_pipe_without_a_writer_ends(tmp_path, monkeypatch):
    monkeypatch.setattr("dualano_setup.explain.read.WRITER_SECONDS", 0.2)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="nobody wrote"):
        open_log(tmp_path / "pipe")


def test_a_named_pipe_is_read(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(ERROR,))
    writer.start()
    done = doctor(str(pipe), "--json", cwd=tmp_path)
    writer.join()
    assert json.loads(done.stdout)["root"] == "unscale-fp16"


def test_the_command_for_people_and_programs(tmp_path):
    (tmp_path / "log.txt").write_text(ERROR)
    done = doctor("log.txt", cwd=tmp_path)
    assert done.returncode == 0
    assert b"SRC002" in done.stdout
    assert b"fix repairs this. By hand, one or more of:" in done.stdout
    document = json.loads(doctor("-", "--json", cwd=tmp_path, stdin=ERROR.encode()).stdout)
    assert (document["root"], document["problems"][0]["rule"]) == ("unscale-fp16", "SRC002")
    assert json.loads(doctor("--json", cwd=tmp_path, stdin=ERROR.encode()).stdout)["root"] == "unscale-fp16"
    unknown = doctor("-", cwd=tmp_path, stdin=b"Traceback (most recent call last):\nFooError: bar\n")
    assert unknown.returncode == 1
    assert b"FooError: bar" in unknown.stdout


def test_ctrl_c_explains_what_was_read(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LANGUAGE": "en"}
    process = subprocess.Popen(
        [sys.executable, "-m", "dualano_setup", "explain", "-"],
        cwd=tmp_path, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(ERROR.encode())
    process.stdin.flush()
    time.sleep(2.0)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate()
    assert process.returncode == 130
    assert b"unscale-fp16" in out
    assert b"Traceback" not in error


@pytest.mark.parametrize(("log", "lines"), [(b"", 0), (b"one", 1), (b"one\n", 1), (b"one\ntwo", 2)])
def test_a_last_line_without_its_end_is_a_line(log, lines):
    assert explain_bytes(log).lines == lines
