"""What follows from how a job's tries ended."""

from __future__ import annotations

import pytest

from dualano_setup.campaigns.commands import argv, smaller, variables
from dualano_setup.campaigns.plan import Plan, make_plan
from dualano_setup.campaigns.retries import End, decide, end_of
from dualano_setup.settings.campaign import CampaignSettings
from tests.campaigns.world import data_set, settings_for


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> Plan:
    folder = tmp_path_factory.mktemp("plan")
    data_set(folder / "data", {"c": ("a",)})
    how = {"retries": 2, "doctor": ["doctor"], "variables": {}, "accepts": True}
    return make_plan(settings_for(folder), CampaignSettings(), how)


def ends(*kinds: str, **fields: object) -> list[End]:
    return [End(kind, "train", f"{kind} {number}", **fields) for number, kind in enumerate(kinds)]  # type: ignore[arg-type]


def test_the_first_time_costs_nothing(plan):
    assert decide([], plan).aside == ""


@pytest.mark.parametrize("kind", ["unknown", "node", "lost", "stalled"])
def test_the_budget_ends(plan, kind):
    assert decide(ends(kind, kind), plan).aside == ""
    assert decide(ends(kind, kind, kind), plan).aside == f"failed 3 times; the last time: {kind} 2"


@pytest.mark.parametrize("kind", ["data", "settings"])
def test_what_will_not_change_is_not_tried_again(plan, kind):
    assert decide(ends(kind), plan).aside == f"{kind} 0"


@pytest.mark.parametrize("kind", ["stopped", "busy", "disk"])
def test_what_is_nobodys_fault_costs_nothing(plan, kind):
    decision = decide(ends(*[kind] * 9), plan)
    assert (decision.aside, decision.tries) == ("", 0)
    assert decision.waits_for_room is (kind == "disk")


def test_a_time_limit_costs_only_where_nothing_was_gained(plan):
    gained = [End("limit", "train", progress=steps) for steps in (100, 200, 300, 400, 500)]
    stuck = [End("limit", "train", progress=100) for _ in range(4)]
    assert decide(gained, plan).tries == 0
    assert decide(stuck, plan).aside


def test_a_nodes_fault_is_tried_elsewhere(plan):
    decision = decide(ends("node", place="box:0") + ends("unknown", place="box:1"), plan)
    assert decision.avoid == ("box:0",)


def test_out_of_memory_is_tried_with_what_needs_less_until_there_is_nothing(plan):
    assert smaller(plan, 1) == {"DUALANO_TRAIN_GRADIENT_CHECKPOINTING": "true"}
    assert smaller(plan, 2) == smaller(plan, 1) | {
        "DUALANO_TRAIN_BATCH_SIZE": "1", "DUALANO_TRAIN_GRADIENT_ACCUMULATION_STEPS": "2",
    }  # fmt: skip
    assert [bool(decide(ends(*["memory"] * number), plan).aside) for number in (1, 2, 3)] == [False, False, True]
    assert variables(plan, plan.jobs[0], "generate", 1).keys() == {"DUALANO_CATEGORY", "DUALANO_ANOMALY"}


def test_the_sampler_takes_fewer_pairs_at_once(plan, tmp_path):
    line = argv(plan, plan.jobs[0], "generate", tmp_path, {"train": tmp_path}, 1)
    assert line[-3:] == ["--", "--batch_size", "2"]


@pytest.mark.parametrize("row", [None, {"kind": "unknown", "progress": "x"}, {"seconds": []}])
def test_a_try_without_a_readable_end_was_killed(row):
    assert end_of(row, 3).kind == "lost"
