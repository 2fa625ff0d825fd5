"""A check and a run in a notebook; the notebook in docs/ is executed as it stands."""

from __future__ import annotations

import os

import pytest

from dualano_setup.language import speak, spoken
from dualano_setup.notebook import check, run
from tests.pages.made_up import made_up_run
from tests.places import ROOT


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    made_up_run(folder, steps=60, pairs=5)
    return folder


@pytest.fixture(autouse=True)
def language_as_before():
    before = spoken()
    yield
    speak(before)


def test_a_check_shows_itself(project):
    seen = check(project, offline=True)
    html = seen._repr_html_()
    assert seen.ok == (seen.report.verdict == 0)
    assert "no training environment yet" in html
    assert "\x1b" not in html + repr(seen)
    assert "<script" not in html
    assert "Training cannot start yet" in repr(seen)


def test_a_run_shows_itself_in_both_languages(project):
    html = run("bottle", project)._repr_html_()
    assert html.count("<path") >= 5
    assert "data:image/jpeg;base64," in html
    assert "\x1b" not in html
    assert "<h2>Training</h2>" in html
    assert "<h2>訓練</h2>" in run(project=project, lang="zh-TW")._repr_html_()
    assert "60 steps" in repr(run(project=project, lang="en"))


def test_the_notebook_in_docs_runs(project, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed (extra `test`)")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed (extra `test`)")
    import nbformat

    monkeypatch.setenv("DUALANO_NOTEBOOK_PROJECT", str(project))
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    book = nbformat.read(ROOT / "docs" / "notebook.ipynb", as_version=4)
    nbclient.NotebookClient(
        book, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(project)}}
    ).execute()
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    shown = [output["data"]["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    assert len(shown) == 2
    assert "no training environment yet" in shown[0]
    assert "It finished: 60 steps" in shown[1]
    assert (project / "outputs" / "20261120-101500-bottle-scratch" / "report.html").is_file()
