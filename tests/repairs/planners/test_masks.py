"""Mended copies of masks: planned from what was seen, made, proved, and taken back byte for byte."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dualano_setup.facts.fact import Known
from dualano_setup.facts.project import contents, dataset
from dualano_setup.facts.project.remembered import NAME
from dualano_setup.facts.sheet import Distribution, Environment, FactSheet
from dualano_setup.knowledge.catalogue import load
from dualano_setup.repairs.action import Workshop
from dualano_setup.repairs.plan import merge_writes
from dualano_setup.repairs.planners import masks
from dualano_setup.rules.judge import judge
from dualano_setup.rules.registry import RULES
from dualano_setup.rules.rule import Context
from dualano_setup.settings.resolve import resolve
from tests.repairs.snapshot import snapshot
from trainer.intake.mend import main as mend

ENVIRONMENT = Environment(
    "/x", "venv", "3.11.2", sys.executable, True, None, ("/x",), (Distribution("pillow", "1.0", "/x", "/x/p"),)
)
DEFECT = (slice(6, 14), slice(8, 15))


@pytest.fixture
def project(tmp_path):
    """Three anomalous images with good masks, another anomaly and another category, all of the user's own."""
    truth = np.zeros((32, 32), bool)
    truth[DEFECT] = True
    for category, anomaly in (("part", "hole"), ("part", "dent"), ("nut", "hole")):
        for name in range(3):
            save(tmp_path / f"set/{category}/test/{anomaly}/{name}.png", np.full((32, 32, 3), 90, np.uint8))
            save(tmp_path / f"set/{category}/ground_truth/{anomaly}/{name}_mask.png", truth * np.uint8(255))
            save(tmp_path / f"objects/{category}/{anomaly}/{name}.png", truth * np.uint8(255))
    save(tmp_path / "set/part/train/good/0.png", np.full((32, 32, 3), 90, np.uint8))
    save(tmp_path / "objects/part/good/0.png", truth * np.uint8(255))
    (tmp_path / "dualano.toml").write_text(
        'data = "set"  # mine\ncategory = "part"\nanomaly = "hole"\nforeground = "objects"\n'
    )
    python = tmp_path / ".dualano/env/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return tmp_path


def save(path: Path, values: np.ndarray, mode: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values, mode).save(path)


def each(project: Path, how, folder: str = "set/part/ground_truth/hole") -> None:
    """Every mask of the folder anew: `how(marked)` gives its pixels."""
    for file in sorted((project / folder).iterdir()):
        save(file, how(np.asarray(Image.open(file).convert("L")) > 0))


def looked(project: Path, flags=None) -> tuple[Context, list]:
    settings = resolve(flags or {}, {}, project)
    data = dataset.probe(settings)
    sheet = FactSheet(
        dataset=data, environment=Known(ENVIRONMENT), contents=contents.probe(settings, data, Known(ENVIRONMENT))
    )
    context = Context(sheet, settings, load("guide-cu118"))
    return context, [row for row in judge(context, RULES) if row.rule in masks.RULES and row.status in ("warn", "fail")]


def planned(project: Path, flags=None):
    context, found = looked(project, flags)
    return masks.plan(context, [row for row in found if row.repairable])


def coloured(marked):
    return np.where(marked[..., None], np.uint8([200, 0, 0]), np.uint8([0, 0, 0]))


def cut_out(marked):
    return np.dstack([np.full((*marked.shape, 3), 60, np.uint8), marked * np.uint8(255)])


def two_colours(marked):
    picture = np.where(marked[..., None], np.uint8([255, 255, 0]), np.uint8([0, 0, 0]))
    picture[8:12, 9:13] = (0, 0, 250)
    return picture


@pytest.mark.parametrize(
    ("how", "folder"),
    [
        (lambda marked: marked.astype(np.uint8), "set/part/ground_truth/hole"),
        (coloured, "set/part/ground_truth/hole"),
        (two_colours, "set/part/ground_truth/hole"),
        (lambda marked: np.where(marked, np.uint8(0), np.uint8(255)), "set/part/ground_truth/hole"),
        (cut_out, "set/part/ground_truth/hole"),
        (cut_out, "objects/part/hole"),
        (lambda marked: marked.astype(np.uint8), "objects/part/hole"),
    ],
    ids=["0-and-1", "red", "classes", "inverted", "alpha", "cut-outs", "objects-0-and-1"],
)
def test_copies_are_made_proved_and_undone_and_the_users_files_stay(project, how, folder):
    each(project, how, folder)
    before = snapshot(project)
    plan = planned(project)
    steps = [(step, Workshop(project / f"journal/{number}", project)) for number, step in enumerate(plan.actions)]
    assert [step.kind for step, _ in steps] == ["run-trainer-tool", "write-file"]
    for step, workshop in steps:
        workshop.folder.mkdir(parents=True)
        step.apply(workshop)
        assert step.verify(workshop) == ""
    own = ("set", "objects", ".dualano/env")
    assert {name: row for name, row in snapshot(project).items() if str(name).startswith(own)} == {
        name: row for name, row in before.items() if str(name).startswith(own)
    }
    context, found = looked(project)
    assert not found
    setting = "data" if folder.startswith("set") else "foreground"
    new = getattr(context.settings, setting)
    assert new == project / ".dualano" / masks.FOLDERS[setting]
    written = sorted((new / folder.split("/", 1)[1]).iterdir())
    assert [file.name for file in written] == sorted(file.name for file in (project / folder).iterdir())
    for file in written:
        values = np.asarray(Image.open(file))
        assert not file.is_symlink()
        assert values.shape == (32, 32)
        assert set(np.unique(values)) == {0, 255}
        assert values[DEFECT].all()
        assert values.sum() == 255 * 8 * 7
    others = [entry for entry in new.rglob("*") if entry.is_symlink()]
    assert {entry.name for entry in others} >= {"nut"}
    for step, workshop in reversed(steps):
        assert step.obstacle(workshop) == ""
        step.undo(workshop)
        shutil.rmtree(workshop.folder)
    (project / "journal").rmdir()
    (project / ".dualano" / NAME).unlink(missing_ok=True)  # what `check` remembers of pixels
    assert snapshot(project) == before


@pytest.mark.parametrize(
    "how",
    [
        lambda marked: np.zeros_like(marked, np.uint8),
        lambda marked: np.where(marked, np.uint8(255), np.uint8(90)),
    ],
    ids=["black", "grey levels"],
)
def test_what_is_not_certain_is_left_to_the_user(project, how):
    each(project, how)
    _, found = looked(project)
    assert found
    assert planned(project).actions == ()


def test_inverted_masks_are_not_certain_where_one_is_not(project):
    each(project, lambda marked: np.where(marked, np.uint8(0), np.uint8(255)))
    odd = project / "set/part/ground_truth/hole/1_mask.png"
    save(odd, np.pad(np.zeros((16, 32), np.uint8), ((0, 16), (0, 0)), constant_values=255))
    _, found = looked(project)
    assert [row.subject for row in found] == ["inverted"]
    assert planned(project).actions == ()


def test_masks_and_objects_are_mended_with_one_edit_of_the_settings(project):
    each(project, coloured)
    each(project, coloured, "objects/part/hole")
    actions, deferred = merge_writes(planned(project).actions)
    assert [action.kind for action in actions] == ["run-trainer-tool", "run-trainer-tool", "write-file"]
    assert deferred == ()
    assert b'data = ".dualano/mended-data"  # mine' in actions[2].content
    assert b'foreground = ".dualano/mended-foreground"' in actions[2].content


def test_a_flag_that_beats_the_file_is_told_and_no_second_copy_made(project):
    each(project, coloured)
    flags = {"data": project / "set"}
    first = planned(project, flags)
    assert len(first.actions) == 2
    assert any("beats dualano.toml" in note for note in first.notes)
    (project / ".dualano/mended-data").mkdir()
    (project / "dualano.toml").write_text('data = ".dualano/mended-data"\ncategory = "part"\nanomaly = "hole"\n')
    again = planned(project, flags)
    assert again.actions == ()
    assert any("beats dualano.toml" in note for note in again.notes)


def test_a_taken_place_is_left_alone(project):
    each(project, coloured)
    (project / ".dualano/mended-data").mkdir()
    assert planned(project).actions[0].outputs == (project / ".dualano/mended-data-2",)


def test_the_tool_says_what_it_cannot_do_and_leaves_nothing(project, capsys):
    def run(folder: str) -> int:
        return mend(
            ["--source", str(project / "set"), "--output", str(project / "new"), "--kind", "mask", "--folder", folder]
        )

    assert run("part/ground_truth/hole") == 1
    assert "needs mending" in capsys.readouterr().err
    assert run("part/ground_truth/nothing") == 1
    assert "Cannot make" in capsys.readouterr().err
    assert not [entry for entry in project.iterdir() if "new" in entry.name]
