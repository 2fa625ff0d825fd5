"""On each broken world that a program may repair: its rule, the real fix, another look, and undo, byte for byte."""

import pytest

from tests.repairs.snapshot import contents, snapshot
from tests.worlds.catalogue import WORLDS
from tests.worlds.verdict import assert_found, complaints, told

REPAIRABLE = [world for world in WORLDS if world.repairable]
LEFT = {world.name: world.stays for world in REPAIRABLE if world.stays}
OURS = (".dualano/fixes", ".dualano/lock", ".dualano/downloads")
"""What a fix leaves when it is taken back: its journal, and what was downloaded, which need not be fetched again."""


def state(root):
    """Every file below the project but the journal's own."""
    rows = contents(snapshot(root)).items()
    return {name: row for name, row in rows if name != ".dualano" and not name.startswith(OURS)}


@pytest.mark.parametrize("world", REPAIRABLE, ids=lambda world: world.id)
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


def test_nine_of_ten_repairable_worlds_are_repaired():
    assert (len(REPAIRABLE) - len(LEFT)) / len(REPAIRABLE) >= 0.9, LEFT


def test_a_fix_on_a_healthy_machine_changes_nothing(repairable, bench):
    before = state(repairable.root)
    bench.fix(repairable)
    assert state(repairable.root) == before
