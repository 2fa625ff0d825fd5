"""On each broken world: its rule, and no false one. On healthy ones: nothing at all.

Worlds that a program may repair are looked at in `test_repairs`, where they are repaired too.
"""

import re

import pytest

from tests.worlds.catalogue import FINE, WORLDS
from tests.worlds.project import GPUS
from tests.worlds.verdict import assert_found, complaints, told


def test_the_healthy_project_is_healthy(project):
    report = project.look()
    assert not told(report)
    assert report.exit_status == 0
    assert report.count("ok") > 25


def test_a_repaired_checkout_is_healthy(project):
    project.add_checkout()
    report = project.look()
    assert not told(report)
    assert report.exit_status == 0


@pytest.mark.parametrize("world", [w for w in WORLDS if not w.repairable], ids=lambda world: world.id)
def test_found(project, world):
    world.lay(project)
    assert_found(world, project.look())


@pytest.mark.parametrize("world", FINE, ids=lambda world: world.name)
def test_an_odd_machine_that_is_well(project, world):
    world.lay(project)
    report = project.look()
    assert not told(report)
    assert report.exit_status == 0


def test_there_are_enough_worlds_and_each_names_its_source():
    assert len(WORLDS) >= 110
    assert len({world.name for world in WORLDS}) == len(WORLDS)
    assert all(len(world.source) > 20 for world in (*WORLDS, *FINE))
    assert all(re.compile(world.named_by, re.IGNORECASE) for world in WORLDS)


def test_every_rule_has_a_world():
    from dualano_setup.rules.registry import RULES

    assert {rule.id for rule in RULES} == {world.rule for world in WORLDS}


def test_a_patch_that_has_nothing_to_do_here_does_not_block(project):
    project.add_checkout("mask-path")
    report = project.look()
    assert complaints(report) == {"SRC006"}
    assert report.exit_status == 0


def test_the_world_of_two_gpus_with_one_process_is_noticed(project):
    """ACC004's reverse: GPUs that the config leaves idle are worth a word, not a stop."""
    project.facts("gpus", devices=(GPUS.devices[0], GPUS.devices[0]))
    report = project.look()
    assert complaints(report) <= {"ACC004"}
    assert report.exit_status == 0
