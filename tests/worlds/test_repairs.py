"""On each broken world that a program may repair: the real fix, another look, and undo, byte for byte."""

import pytest

from dualano_setup.profiles import load
from tests.repairs.snapshot import contents, snapshot

from .bench import open_bench
from .catalogue import WORLDS
from .test_worlds import complaints, told

REPAIRABLE = [world for world in WORLDS if world.repairable]
LEFT = {world.name: world.stays for world in REPAIRABLE if world.stays}
OURS = (".dualano/fixes", ".dualano/lock", ".dualano/downloads")
"""What a fix leaves when it is taken back: its journal, and what was downloaded, which need not be fetched again."""


@pytest.fixture(scope="session")
def bench(tmp_path_factory, miniature):
    with (
        pytest.MonkeyPatch.context() as patch,
        open_bench(tmp_path_factory.mktemp("bench"), miniature, patch.setenv) as opened,
    ):
        if not opened.pythons:
            pytest.skip(f"profile guide-cu118 needs a Python of {load('guide-cu118').python} on this machine")
        yield opened


@pytest.fixture
def repairable(project, bench):
    bench.equip(project)
    return project


def state(root):
    """Every file below the project but the journal's own."""
    rows = contents(snapshot(root)).items()
    return {name: row for name, row in rows if name != ".dualano" and not name.startswith(OURS)}


@pytest.mark.parametrize("world", REPAIRABLE, ids=lambda world: world.id)
def test_repaired_found_healthy_and_undone(repairable, bench, world):
    world.lay(repairable)
    broken, before = complaints(repairable.look()), state(repairable.root)
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
