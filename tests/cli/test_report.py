"""`report`, `check --html`, `watch` and `review` as a person types them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from dualano_setup.cli.main import run
from dualano_setup.flows.report import report
from dualano_setup.pages.pictures import THUMBNAILS
from dualano_setup.settings.options import Settings
from tests.pages.made_up import made_up_run
from tests.places import PATIENCE, ROOT

RUN = "20261120-101500-bottle-scratch"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    made_up_run(folder, RUN, steps=60, pairs=5)
    (folder / "dualano.toml").write_text("offline = true\n")
    return folder


@pytest.fixture
def here(project, monkeypatch):
    monkeypatch.chdir(project)
    return project


def test_a_report_is_written_where_the_results_are(here, capsys):
    assert run(["report"]) == 0
    assert capsys.readouterr().out == f"report: {here}/outputs/{RUN}/report.html\n"
    assert run(["report", "bottle", "--output", "mine.html"]) == 0
    assert (here / "mine.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        (["report", "nothing"], 2, "match 'nothing'"),
        (["report", "./nowhere"], 2, "there is no folder"),
        (["report", "."], 2, "neither metrics.jsonl"),
        (["report", "--output", "/proc/no/report.html"], 1, "--output FILE names another place"),
        (["watch", "nothing"], 2, "match 'nothing'"),
        (["watch", "--port", "x"], 2, "--port x: expected a number"),
        (["review", "--port", "99999"], 2, "--port 99999: expected a number"),
    ],
)
def test_what_cannot_be_says_so(here, capsys, words, status, why):
    assert run(words) == status
    assert why in capsys.readouterr().err


def test_the_machine_as_a_page(here, capsys):
    status = run(["check", "--html", "machine.html"])
    assert status in (0, 1, 3)
    assert "machine.html" in capsys.readouterr().err
    assert "no training environment yet" in (here / "machine.html").read_text()
    assert run(["check", "--html"]) == status
    assert capsys.readouterr().out.startswith("<!doctype html>")


def test_a_port_in_use_is_said_in_words(here, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["watch", "--port", str(port)]) == 1
    assert f"port {port} cannot be listened on" in capsys.readouterr().err


def test_watching_ends_with_ctrl_c(here, mark_of_all):
    child = subprocess.Popen(
        [sys.executable, "-m", "dualano_setup", "watch"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        address = child.stdout.readline().split()[-1]
        assert RUN in urllib.request.urlopen(address, timeout=PATIENCE).read().decode()
        child.send_signal(signal.SIGINT)
        assert child.wait(PATIENCE) == 130
        assert child.communicate()[1].count("\n") == 2  # how to get there from elsewhere, and that it was interrupted
    finally:
        child.kill()
        child.communicate()


def test_small_pictures_that_are_missing_are_made_by_the_training_environment(tmp_path):
    made_up_run(tmp_path, RUN, steps=20, pairs=2)
    output = tmp_path / "outputs" / RUN
    for path in (output / "generated" / THUMBNAILS).rglob("*.*"):
        path.unlink()
    report(Settings(tmp_path, env=Path(sys.prefix), offline=True), None, None)
    assert len(list((output / "generated" / THUMBNAILS).rglob("*.jpg"))) == 4
