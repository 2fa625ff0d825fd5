"""What a campaign is made of, and when two plans are the same."""

from __future__ import annotations

import json

import pytest

from dualano_setup.campaigns.estimate import estimate
from dualano_setup.campaigns.plan import chosen, difference, from_document, make_plan, overturned, without_bad
from dualano_setup.errors import UsageError
from dualano_setup.light_dataclasses import replace
from dualano_setup.settings.campaign import CampaignSettings, read_campaign
from tests.campaigns.world import data_set, settings_for

KINDS = {"bottle": ("broken_large", "broken_small", "dirt"), "cable": ("bent", "dirt")}


@pytest.fixture
def settings(tmp_path):
    data_set(tmp_path / "data", KINDS)
    return settings_for(tmp_path)


def plan_of(settings, **campaign):
    return make_plan(settings, CampaignSettings(**campaign), {})


@pytest.mark.parametrize(
    ("categories", "anomalies", "expected"),
    [
        (["*"], ["*"], 5),
        (["bottle"], ["*"], 3),
        (["b*"], ["broken_*"], 2),
        (["*"], ["dirt"], 2),
        (["*"], ["cable/dirt", "bottle/broken_*"], 3),
    ],
)
def test_patterns_choose(settings, categories, anomalies, expected):
    assert len(chosen(settings.data, categories, anomalies)) == expected


@pytest.mark.parametrize(
    ("categories", "anomalies"), [(["botle"], ["*"]), (["*"], ["brokn"]), (["cable"], ["bottle/*"])]
)
def test_a_pattern_that_chooses_nothing_is_refused_with_what_there_is(settings, categories, anomalies):
    with pytest.raises(UsageError, match=r"there are: (.*bottle|cable)"):
        chosen(settings.data, categories, anomalies)


def test_a_category_is_made_of_all_its_anomalies(settings):
    plan = plan_of(settings)
    assert [job.id for job in plan.jobs] == [
        "bottle-broken_large", "bottle-broken_small", "bottle-dirt", "cable-bent", "cable-dirt", "bottle", "cable",
    ]  # fmt: skip
    assert plan.jobs[-2].needs == ("bottle-broken_large", "bottle-broken_small", "bottle-dirt")
    assert plan.jobs[0].steps == ("train", "generate", "masks")
    assert plan.jobs[-1].steps == ("export", "evaluate")


def test_names_that_are_no_folder_names_get_jobs_of_their_own(tmp_path):
    data_set(tmp_path / "data", {"a b": ("x", "x y"), "a-b": ("x",), "瓶": ("裂",)})
    ids = [job.id for job in plan_of(settings_for(tmp_path)).jobs]
    assert len({name.casefold() for name in ids}) == len(ids) == 7
    assert all("/" not in name and " " not in name for name in ids)


def test_a_plan_survives_its_file(settings):
    plan = plan_of(settings)
    again = from_document(json.loads(json.dumps(plan.document())))
    assert (again, again.digest) == (plan, plan.digest)


@pytest.mark.parametrize(
    "document", [{}, {"schema": 2}, {"schema": 1, "name": "x", "wanted": {}, "how": {}, "jobs": [{}]}]
)
def test_another_document_is_no_plan(document):
    with pytest.raises(ValueError, match="no plan of this version"):
        from_document(document)


def test_the_same_twice_differs_in_nothing(settings):
    assert difference(plan_of(settings), plan_of(settings, executor="slurm", retries=9, workers=4)) == []


@pytest.mark.parametrize(
    ("settings_changes", "campaign", "words"),
    [
        ({"steps": 100}, {}, "steps was 5000, now 100"),
        ({}, {"accepted": 7}, "accepted was 500, now 7"),
        ({}, {"categories": ("cable",)}, "bottle-dirt is not in it any more"),
        ({"rank": 4}, {"format": "coco"}, 'format was "mvtec", now "coco"'),
    ],
)
def test_what_differs_is_told(settings, settings_changes, campaign, words):
    assert words in difference(plan_of(settings), plan_of(replace(settings, **settings_changes), **campaign))


def test_other_files_are_told(settings):
    before = plan_of(settings)
    (settings.data / "cable" / "test" / "dirt" / "new.png").write_bytes(b"xx")
    assert difference(before, plan_of(settings)) == ["cable-dirt: other files (3 images, now 4)"]
    begun = {"bottle-dirt": ["train"], "cable-dirt": ["train"], "cable": ["export"], "bottle": ["export"]}
    assert overturned(before, plan_of(settings), begun) == ["cable-dirt", "cable"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"format": "yolo"}, ["bottle", "cable"]),
        ({"limit": 9000}, ["bottle-dirt", "bottle", "cable"]),
        ({"categories": ("bottle",)}, ["cable"]),
        ({"executor": "slurm"}, []),
    ],
)
def test_only_what_a_change_concerns_is_overturned(settings, changes, expected):
    """Of cable-dirt only the training is finished: it serves other pairs as well."""
    before, after = plan_of(settings), plan_of(settings, **changes)
    begun = {"bottle-dirt": ["train", "generate"], "bottle": ["export"], "cable": ["export"]}
    begun |= {} if "categories" in changes else {"cable-dirt": ["train"]}
    assert overturned(before, after, begun) == expected


def test_what_cannot_work_is_left_out_and_its_category_goes_on_without_it(settings):
    plan = without_bad(plan_of(settings), {"bottle-dirt": ("DATA008 ...",), "cable-bent": ("x",), "cable-dirt": ("y",)})
    by_id = {job.id: job for job in plan.jobs}
    assert by_id["bottle"].needs == ("bottle-broken_large", "bottle-broken_small")
    assert by_id["cable"].problems == ("none of its anomalies can work",)
    assert [job.id for job in plan.working] == ["bottle-broken_large", "bottle-broken_small", "bottle"]


def test_the_estimate_is_the_measured_one(settings):
    """5 trainings of 5000 steps at 0.05 s and 2,500 pairs at 0.7 s, on the card of the benchmarks."""
    plan = plan_of(replace(settings, mixed_precision="bf16"))
    costs = estimate(plan)
    assert costs.gpu_hours == pytest.approx((5 * (5000 * 0.0516 + 60) + 2500 * 0.7) / 3600, rel=0.01)
    assert 5 * 0.6e9 < costs.disk < 12e9


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"categorys": []}, "unknown key `campaign.categorys`"),
        ({"accepted": 0}, "a whole number above 0"),
        ({"accepted": True}, "a whole number above 0"),
        ({"steps": ["trian"]}, "train or generate"),
        ({"executor": "k8s"}, "local or slurm or ssh"),
        ({"categories": []}, "a list of texts"),
        ({"name": "../x"}, "a name of letters"),
        ([], r"\[campaign\]"),
    ],
)
def test_a_wrong_table_is_refused_with_what_was_expected(table, words):
    with pytest.raises(UsageError, match=words):
        read_campaign(table, "dualano.toml")


def test_steps_are_in_their_order():
    assert read_campaign({"steps": ["export", "train"]}, "f")["steps"] == ("train", "export")
