"""The command line of each step, and what its environment says."""

from __future__ import annotations

from pathlib import Path

import pytest

from dualano_setup.campaigns.commands import argv, is_there, training_list, variables, variables_of
from dualano_setup.campaigns.plan import Plan, make_plan
from dualano_setup.settings.campaign import CampaignSettings
from tests.campaigns.world import data_set, settings_for

OUT = Path("/out")


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> Plan:
    folder = tmp_path_factory.mktemp("plan")
    data_set(folder / "data", {"c": ("a", "b")})
    settings = settings_for(folder, steps=70, mixed_precision="bf16", gradient_checkpointing=True)
    how = {"doctor": ["doctor"], "variables": variables_of(settings), "accepts": True}
    campaign = CampaignSettings(accepted=9, protocol="strict", train_arguments=("--checkpointing_steps", "5"))
    return make_plan(settings, campaign, how)


def test_training_goes_on_by_itself_and_keeps_one_checkpoint(plan):
    assert argv(plan, plan.jobs[0], "train", OUT, {}) == [
        "doctor", "train", "--", "--output_dir", "/out", "--resume_from_checkpoint", "auto",
        "--checkpoints_total_limit", "1", "--checkpointing_steps", "5",
    ]  # fmt: skip


def test_the_settings_are_those_of_the_plan_whatever_the_file_says_later(plan):
    found = variables(plan, plan.jobs[1], "train")
    wanted = {"DUALANO_CATEGORY": "c", "DUALANO_ANOMALY": "b", "DUALANO_TRAIN_STEPS": "70"}
    wanted |= {"DUALANO_TRAIN_GRADIENT_CHECKPOINTING": "true", "DUALANO_TRAIN_MIXED_PRECISION": "bf16"}
    assert wanted.items() <= found.items()
    assert "DUALANO_TRAIN_OUTPUT" not in found


def test_pairs_are_asked_for_by_what_is_accepted(plan):
    inputs = {"train": Path("/w")}
    assert argv(plan, plan.jobs[0], "generate", OUT, inputs)[1:] == [
        "generate", "--weights", "/w", "--output", "/out", "--accepted", "9",
    ]  # fmt: skip


def test_a_version_that_cannot_count_what_is_accepted_makes_as_many(plan):
    before = Plan(plan.name, plan.wanted, plan.jobs, {**plan.how, "accepts": False})
    line = argv(before, plan.jobs[0], "generate", OUT, {"train": Path("/w")})
    assert line[-3:] == ["--", "--num_images", "9"]


@pytest.mark.parametrize("lists", [(), ("c-a",), ("c-a", "c-b")])
def test_an_export_names_each_anomaly_with_its_pairs_and_what_trained_where_all_say_so(plan, lists):
    inputs = {"c-b": Path("/b"), "c-a": Path("/a")} | {training_list(name): Path(f"/list-{name}") for name in lists}
    line = argv(plan, plan.jobs[2], "export", OUT, inputs)
    assert line[1:6] == ["export", "--format", "mvtec", "--output", "/out"]
    pairs = ["--generated", "/a", "--anomaly", "a", "--generated", "/b", "--anomaly", "b"]
    told = ["--trained_on", "/list-c-a", "--trained_on", "/list-c-b"] if len(lists) == 2 else []
    assert line[6:] == ["--", *pairs, *told]


def test_an_evaluation_names_the_category_too(plan):
    line = argv(plan, plan.jobs[2], "evaluate", OUT, {"c-a": Path("/a")})
    assert line[1:] == [
        "evaluate", "--protocol", "strict", "--json", "--output", "/out", "--", "--generated", "/a", "--category", "c",
        "--anomaly", "a",
    ]  # fmt: skip


def test_an_exit_status_alone_is_no_result(tmp_path):
    assert not is_there("train", tmp_path)
    assert not is_there("masks", tmp_path / "none")
    (tmp_path / "pytorch_lora_weights.safetensors").touch()
    assert is_there("train", tmp_path)
