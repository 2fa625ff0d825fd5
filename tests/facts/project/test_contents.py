"""Pixels without an environment to read them, and what was read once."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from dualano_setup.facts.fact import Absent, Known, Unknown
from dualano_setup.facts.project import contents, dataset
from dualano_setup.facts.project.remembered import NAME, Memory
from dualano_setup.facts.sheet import Distribution, Environment
from dualano_setup.settings.options import Settings

LONG_AGO = 1_600_000_000
NONE = Absent("no environment")


@pytest.fixture
def project(tmp_path):
    """Four anomalous images with masks that mark something, unchanged since long ago."""
    for name in range(4):
        picture(tmp_path / f"data/part/test/hole/{name}.png", 90, mode="RGB")
        picture(tmp_path / f"data/part/ground_truth/hole/{name}_mask.png", 0, marked=True)
        picture(tmp_path / f"fg/part/hole/{name}.png", 0, marked=True)
    return tmp_path


def picture(path: Path, grey: int, *, mode: str = "L", marked: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("L", (24, 20), grey)
    if marked:
        image.paste(255, (6, 6, 14, 14))
    image.convert(mode).save(path)
    os.utime(path, (LONG_AGO, LONG_AGO))


def looked(project: Path, environment=NONE, **fields):
    settings = Settings(
        project=project, data=project / "data", category="part", anomaly="hole", foreground=project / "fg", **fields
    )
    return contents.probe(settings, dataset.probe(settings), environment)


def reading(interpreter: str = sys.executable):
    """An environment whose Python is the tester's own."""
    found = (Distribution("pillow", "1.0", "/x", "/x/pillow-1.0.dist-info"),)
    return Known(Environment("/x", "venv", "3.11.2", interpreter, True, None, ("/x",), found))


def test_without_an_environment_even_masks_are_told_and_what_was_not_looked_at_is_said(project):
    picture(project / "data/part/ground_truth/hole/1_mask.png", 0)
    picture(project / "data/part/ground_truth/hole/2_mask.png", 1)
    picture(project / "fg/part/hole/3.png", 255, mode="1")
    seen = looked(project).value
    assert [(Path(mask.path).name, mask.largest, mask.white) for mask in seen.masks] == [
        ("1_mask.png", 0, 0.0),
        ("2_mask.png", 1, 0.0),
    ]
    assert [(Path(mask.path).name, mask.white) for mask in seen.objects] == [("3.png", 1.0)]
    assert "no training environment yet" in seen.without
    assert seen.opened == 0


def test_without_an_environment_the_time_is_bounded(project, monkeypatch):
    picture(project / "data/part/ground_truth/hole/1_mask.png", 0)
    monkeypatch.setattr(contents, "_PLAIN_SECONDS", -1.0)
    assert looked(project).value.masks == ()


def test_an_environment_that_could_not_be_looked_at_is_no_missing_one(project):
    assert isinstance(looked(project, Unknown("late")), Unknown)


def age(monkeypatch):
    """As if every file had been made long before: the clock of the change of an entry cannot be set back."""
    monkeypatch.setattr("dualano_setup.facts.project.remembered._SETTLED", -3600.0)


def test_what_was_read_is_read_no_more_until_its_file_changes(project, monkeypatch):
    age(monkeypatch)
    (project / ".dualano").mkdir()
    first = looked(project, reading()).value
    assert len(first.masks) == 4
    started = []
    real = contents.run
    monkeypatch.setattr(contents, "run", lambda *a, **k: started.append(a[0]) or real(*a, **k))
    assert looked(project, reading()).value == first
    assert not started
    picture(project / "data/part/ground_truth/hole/2_mask.png", 0)
    again = looked(project, reading()).value
    assert [mask.largest for mask in again.masks] == [255, 255, 0, 255]
    assert [word for word in started[0] if word.endswith("_mask.png")] == [
        str(project / "data/part/ground_truth/hole/2_mask.png")
    ]
    looked(project, reading(), resolution=16)
    assert len(started) == 2, "another resolution, other numbers"


def test_a_file_changed_just_now_is_not_remembered(project):
    (project / ".dualano").mkdir()
    looked(project, reading())
    assert not (project / ".dualano" / NAME).exists()


@pytest.mark.parametrize(
    "harm",
    [
        lambda text: text[:-40],
        lambda text: "[]",
        lambda text: "[" * 100_000,
        lambda text: text.replace("[255,", '["x",').replace("[255.0,", '["x",'),
        lambda text: json.dumps({**json.loads(text), "rows": {name: [0] for name in json.loads(text)["rows"]}}),
        lambda text: text.replace(json.loads(text)["of"], "another reader"),
    ],
    ids=["cut", "list", "deep", "words", "short", "reader"],
)
def test_a_damaged_memory_costs_a_second_look_and_no_more(project, monkeypatch, harm):
    age(monkeypatch)
    (project / ".dualano").mkdir()
    whole = looked(project, reading()).value
    file = project / ".dualano" / NAME
    text = file.read_text()
    assert harm(text) != text
    file.write_text(harm(text))
    assert looked(project, reading()).value == whole
    assert json.loads(file.read_text()) == json.loads(text)


def test_nothing_is_made_where_the_project_has_no_state_and_nothing_fails_where_it_cannot_be_written(
    project, monkeypatch
):
    age(monkeypatch)
    looked(project, reading())
    assert not (project / ".dualano").exists()
    (project / ".dualano").write_text("a file")
    assert len(looked(project, reading()).value.masks) == 4


def test_a_memory_that_cannot_be_replaced_leaves_nothing_beside_it(project, monkeypatch):
    age(monkeypatch)
    (project / ".dualano" / NAME).mkdir(parents=True)
    file = project / "data/part/ground_truth/hole/1_mask.png"
    memory = Memory(project / ".dualano", "x")
    assert memory.known([("mask", str(file))]) == {}
    memory.keep([("mask", str(file))], {0: [0.0] * 9})
    assert [entry.name for entry in (project / ".dualano").iterdir()] == [NAME]
