"""After a failed run the known problem is shown unasked, with its cure; an unknown one keeps its own words."""

from __future__ import annotations

import json
import subprocess
import sys

from dualano_setup.report.terminal import Style
from dualano_setup.runs.look import look_at
from dualano_setup.runs.watch.explained import explained
from dualano_setup.runs.watch.report import after_a_failure, known_problem, status_text
from tests.runs.standin import doctor, started, wait_for


def test_a_known_failure_is_explained_unasked(tmp_path):
    run = started(tmp_path, words=("crash",))
    wait_for(lambda: run.run.exit() is not None)
    view = look_at(run.run, run.record)
    for text in (status_text(view, Style(False)), after_a_failure(view, Style(False))):
        assert "SRC003  dtype-mat1-mat2" in text
        assert "accelerator.autocast()" in text
    status = doctor(tmp_path, "status", "--json")
    document = json.loads(status.communicate()[0])
    assert document["explanation"]["root"] == "dtype-mat1-mat2"
    assert document["explanation"]["problems"][0]["consequences"] == ["torchrun-wrapper"]


def test_a_run_that_ended_well_has_nothing_to_explain(tmp_path):
    run = started(tmp_path, steps=2)
    wait_for(lambda: run.run.exit() is not None)
    view = look_at(run.run, run.record)
    assert explained(view) is None
    assert known_problem(view, Style(False)) == ""


def test_an_unknown_failure_keeps_its_own_words(tmp_path):
    run = started(tmp_path, words=("crash",))
    wait_for(lambda: run.run.exit() is not None)
    run.run.log.write_text(run.run.log.read_text().replace("must have the same dtype", "fell out with each other"))
    view = look_at(run.run, run.record)
    assert known_problem(view, Style(False)) == ""
    assert explained(view).unknown[-1] == "RuntimeError: mat1 and mat2 fell out with each other"


def test_a_check_does_not_load_it():
    script = (
        "import sys; from dualano_setup.cli.main import run; run(['check', '--offline', '--json']);"
        "print([m for m in sys.modules if 'explain' in m], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
