"""Doctor and trainer look at the same files and say the same: what blocks the one is refused by the other."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.worlds.breaks import contents, contents_fine
from tests.worlds.catalogue import FINE, WORLDS
from tests.worlds.verdict import told
from trainer.errors import TrainerError
from trainer.train.data import look_at, make_data

RULES = ("DATA003", "DATA004", "DATA009", "DATA010", "DATA011")
BROKEN = [world for world in WORLDS if world.break_it.__module__ == contents.__name__]
ODD = [world for world in FINE if world.make_it.__module__ == contents_fine.__name__]


def trainers_word(project) -> tuple[str, list[str]]:
    """(why it refuses, what it notes) before anything heavy is loaded."""
    config = SimpleNamespace(
        instance_data_dir=project.images, condition_dir=project.foreground, variant="bcm", center_crop=False,
        resolution=project.settings().resolution, selection="sorted", faithful=False, mask_dir=None,
    )  # fmt: skip
    try:
        return "", look_at(make_data(config))
    except TrainerError as error:
        return str(error), []


@pytest.mark.parametrize("world", BROKEN, ids=lambda world: world.id)
def test_what_blocks_the_doctor_is_refused_by_the_trainer(project, world):
    project.reads_pixels = True
    world.lay(project)
    report = project.look()
    refused, notes = trainers_word(project)
    rows = [row for row in report.findings if row.rule in RULES and row.status in ("warn", "fail")]
    assert bool(refused) == any(row.status == "fail" for row in rows), (refused, told(report))
    for row in rows:
        if row.rule > "DATA008":
            assert any(row.cure in text for text in (refused, *notes)), (row, refused, notes)


@pytest.mark.parametrize("world", ODD, ids=lambda world: world.name)
def test_what_is_well_for_the_doctor_is_well_for_the_trainer(project, world):
    world.lay(project)
    refused, notes = trainers_word(project)
    assert not refused
    assert not [note for note in notes if "right for textures alone" not in note]


def test_there_are_enough_worlds_about_contents():
    assert len(BROKEN) >= 30
    assert len(ODD) >= 20
