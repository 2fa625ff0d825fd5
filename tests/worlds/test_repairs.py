"""On each broken world that a program may repair: its rule, the real fix, another look, and undo, byte for byte."""

from dataclasses import replace

import pytest

from dualano_setup.repairs.plan import make_plan
from dualano_setup.repairs.planners import masks
from tests.repairs.snapshot import contents, snapshot
from tests.worlds.catalogue import WORLDS
from tests.worlds.verdict import assert_found, complaints, told

REPAIRABLE = [world for world in WORLDS if world.repairable]
LEFT = {world.name: world.stays for world in REPAIRABLE if world.stays}
MENDED_MASKS = (
    "masks_of_zero_and_one", "marks_in_red", "marks_in_the_transparency", "object_masks_that_are_cut_outs",
)  # fmt: skip
"""One world for each way masks are mended: from values, from colours, from alpha, and object masks.

The others, at two seconds and more each, are found and planned here; `tests/repairs/planners/test_masks.py` applies,
proves and takes back the same actions (0 and 1, colours, classes, inverted, alpha, cut-outs) without a whole project.
"""
PLANNED = [world for world in REPAIRABLE if world.rule in masks.RULES and world.name not in MENDED_MASKS]
OURS = (".dualano/fixes", ".dualano/lock", ".dualano/downloads")
"""What a fix leaves when it is taken back: its journal, and what was downloaded, which need not be fetched again."""


def state(root):
    """Every file below the project but the journal's own."""
    rows = contents(snapshot(root)).items()
    return {name: row for name, row in rows if name != ".dualano" and not name.startswith(OURS)}


@pytest.mark.parametrize("world", [w for w in REPAIRABLE if w not in PLANNED], ids=lambda world: world.id)
def test_found_repaired_healthy_and_undone(repairable, bench, world):
    world.lay(repairable)
    found = repairable.look()
    assert_found(world, found)
    if not bench.pythons:
        pytest.skip("found, but no Python of the profiles' range is here to make an environment from")
    broken, before = complaints(found), state(repairable.root)
    report = bench.fix(repairable)
    assert (world.rule in complaints(report)) == bool(world.stays), told(report)
    assert complaints(report) <= broken, told(report)
    bench.undo(repairable)
    assert state(repairable.root) == before


@pytest.mark.parametrize("world", PLANNED, ids=lambda world: world.id)
def test_found_and_planned(project, bench, world):
    world.lay(project)
    found = project.look()
    assert_found(world, found)
    plan = make_plan(replace(found, profile=bench.local(found.profile)))
    assert [action.kind for action in plan.actions] == ["run-trainer-tool", "write-file"]
    assert all(action.rules == (world.rule,) for action in plan.actions)
    assert not any("beats dualano.toml" in note for note in plan.notes)


def test_the_masks_that_are_mended_here_are_worlds():
    assert set(MENDED_MASKS) <= {world.name for world in REPAIRABLE}


def test_nine_of_ten_repairable_worlds_are_repaired():
    assert (len(REPAIRABLE) - len(LEFT)) / len(REPAIRABLE) >= 0.9, LEFT


def test_a_fix_on_a_healthy_machine_changes_nothing(repairable, bench):
    before = state(repairable.root)
    bench.fix(repairable)
    assert state(repairable.root) == before
