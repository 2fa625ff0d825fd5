"""On each broken world: its rule, and no false one. On the healthy one: nothing at all."""

import re

import pytest

from .catalogue import FINE, WORLDS
from .project import GPUS


def complaints(report):
    """Rule ids of every row that says more than "fine"; rows folded under a cause are that cause's business."""
    return {f.rule for f in report.findings if f.status in ("fail", "warn", "unknown") and not f.caused_by}


def told(report):
    """All rows that complain, for the assertion's message."""
    return [
        f"{f.rule} {f.status}: {f.title}: {f.detail}"
        for f in report.findings
        if f.status in ("fail", "warn", "unknown")
    ]


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


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.id)
def test_world(project, world):
    world.lay(project)
    report = project.look()
    assert world.rule in {f.rule for f in report.findings if f.status in ("fail", "warn")}, told(report)
    assert complaints(report) <= {world.rule, *world.also}, told(report)
    own = [f for f in report.findings if f.rule == world.rule and f.status in ("fail", "warn")]
    assert world.repairable == any(f.repairable for f in own), told(report)
    assert any(re.search(world.named_by, f"{f.title} {f.detail} {f.evidence}", re.IGNORECASE) for f in own), own


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
