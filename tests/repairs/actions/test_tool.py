from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dualano_setup.errors import RepairError
from dualano_setup.repairs.action import Workshop
from dualano_setup.repairs.actions import tool
from dualano_setup.repairs.actions.tool import RunTrainerTool
from tests.repairs.snapshot import snapshot

TOOL = """
import pathlib, sys
folder, how = pathlib.Path(sys.argv[1]), sys.argv[2]
folder.mkdir()
(folder / "mask.png").write_text("mask")
sys.exit("cannot read the image 007.png" if how == "fail" else 0)
"""


@pytest.fixture
def workshop(tmp_path, monkeypatch):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "masks.py").write_text(TOOL)
    (tmp_path / "env" / "bin").mkdir(parents=True)
    (tmp_path / "env" / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setattr("dualano_setup.system.bundle.bundle_root", lambda: tmp_path / "bundle")
    monkeypatch.setenv("PYTHONPATH", "/somebody/elses")
    (tmp_path / "project" / "00").mkdir(parents=True)
    return Workshop(tmp_path / "project" / "00", tmp_path / "project", tmp_path / "env", say=lambda _: None)


def action(output: Path, how: str = "well", *more: Path) -> RunTrainerTool:
    return RunTrainerTool("masks", (str(output), how), (output, *more), ("DATA005",), "foreground masks are missing")


@pytest.mark.parametrize("there_before", [True, False])
def test_made_proved_and_undone(workshop, tmp_path, there_before):
    output = tmp_path / "data" / "foreground"
    output.parent.mkdir()
    if there_before:
        output.mkdir()
        (output / "old.png").write_text("old")
    before = snapshot(output.parent)
    step = action(output)
    step.apply(workshop)
    assert step.verify(workshop) == ""
    assert [path.name for path in output.iterdir()] == ["mask.png"]
    step.undo(workshop)
    assert snapshot(output.parent) == before


def test_a_failure_shows_its_last_lines_and_leaves_nothing(workshop, tmp_path):
    output = tmp_path / "foreground"
    step = action(output, "fail")
    with pytest.raises(RepairError, match=r"007\.png"):
        step.apply(workshop)
    step.undo(workshop)
    assert not output.exists()


def test_a_tool_that_makes_less_than_it_should(workshop, tmp_path):
    with pytest.raises(RepairError, match="did not make"):
        action(tmp_path / "foreground", "well", tmp_path / "more").apply(workshop)


def test_what_a_killed_tool_left_beside_its_output_goes_too(workshop, tmp_path):
    output = tmp_path / "data" / "fore[ground]"
    half = output.parent / ".fore[ground].partial-k2j3"
    step = action(output, "fail")
    with pytest.raises(RepairError):
        step.apply(workshop)
    half.mkdir()
    (half / "000.png").write_text("half")
    step.undo(workshop)
    assert not output.parent.exists()


def test_undo_keeps_what_the_user_changed(workshop, tmp_path):
    output = tmp_path / "foreground"
    step = action(output)
    step.apply(workshop)
    (output / "mask.png").write_text("painted by hand")
    with pytest.raises(RepairError, match="changed since it was made"):
        step.undo(workshop)
    assert (output / "mask.png").read_text() == "painted by hand"


def test_without_an_environment_it_says_so(workshop, tmp_path):
    bare = Workshop(workshop.folder, workshop.project, tmp_path / "none", say=lambda _: None)
    with pytest.raises(RepairError, match="needs the training environment"):
        action(tmp_path / "foreground").apply(bare)


def test_a_tool_that_never_ends_is_ended(workshop, tmp_path, monkeypatch):
    (tmp_path / "bundle" / "masks.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(tool, "DEADLINE", 0.3)
    with pytest.raises(RepairError, match=r"ran past"):
        action(tmp_path / "foreground").apply(workshop)
