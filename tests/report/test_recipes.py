"""A profile as a plan for others: whole, in each form, and as far as it can be run here."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys

import pytest
import yaml

from dualano_setup.cli.main import run
from dualano_setup.knowledge.catalogue import load
from dualano_setup.report.recipes import FORMS, recipe

PROFILES = ("cpu", "cpu-checkout", "guide-cu118", "modern")


def _pins(name: str) -> set[str]:
    return {f"{package}=={version}" for package, version in load(name).locked().items()}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", PROFILES)
def test_every_pin_of_the_lock_is_in_it_and_every_page_it_needs(name, form):
    text = recipe(load(name), form)
    assert _pins(name) <= set(re.findall(r"[\w.-]+==[\w.+-]+", text))
    pages = [index.url for index in load(name).indexes if index.url and index.required]
    assert all(page in text for page in pages)
    assert load(name).python_preferred in text


@pytest.mark.parametrize("form", ["uv", "dockerfile", "apptainer"])
@pytest.mark.parametrize("name", PROFILES)
def test_its_commands_are_those_of_a_shell(name, form):
    text = recipe(load(name), form)
    if form == "dockerfile":
        text = "\n".join(re.findall(r"^RUN ((?:.*\\\n)*.*)$", text, re.MULTILINE))
    if form == "apptainer":
        text = text.partition("%post\n")[2].partition("\n%")[0]
    assert "pip install" in text
    done = subprocess.run(["sh", "-n", "-c", text], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    install = next(part for part in re.sub(r"\\\n", " ", text).splitlines() if "pip install" in part)
    if form != "uv":
        assert set(shlex.split(install)) >= _pins(name)


def test_conda_reads_it():
    document = yaml.safe_load(recipe(load("guide-cu118"), "conda"))
    assert document["dependencies"][0] == "python=3.10"
    assert _pins("guide-cu118") <= set(document["dependencies"][2]["pip"])


def test_the_notebook_is_one_and_its_cells_run(tmp_path):
    """With stand-ins for what it starts: each cell is plain Python, in order."""
    book = json.loads(recipe(load("cpu"), "colab"))
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert all({"cell_type", "id", "metadata", "source"} <= set(cell) for cell in book["cells"])
    code = "\n".join("".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code")
    before = (
        "import subprocess\nstarted = []\n"
        "def run(words, **options): started.append((list(map(str, words)), options))\nsubprocess.run = run\n"
    )
    after = "\nimport json; print(json.dumps([[words, options.get('input', '')] for words, options in started]))\n"
    done = subprocess.run([sys.executable, "-c", before + code + after], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    started = json.loads(done.stdout.splitlines()[-1])
    assert [words[1:4] for words, _ in started][:2] == [["-m", "pip", "install"], ["-m", "uv", "venv"]]
    assert set(started[2][1].split()) >= _pins("cpu")


def test_wrong_usage_is_said(capsys):
    assert run(["profile", "--as", "pip"]) == 2
    assert "dualano-doctor profile NAME --as pip" in capsys.readouterr().err
    assert run(["profile", "cpu", "--as", "pip"]) == 0
    assert "torch==" in capsys.readouterr().out
