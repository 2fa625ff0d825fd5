"""Rules about the data, on hand-made sheets."""

from __future__ import annotations

import pytest

from dualano_setup.facts.fact import Unknown
from dualano_setup.facts.sheet import Dataset, ImageFile
from dualano_setup.rules.data.rules import RULES
from tests.rules.project_sheets import checkout, context, dataset, findings, images, patch, statuses


@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
def test_good_data_is_fine(rule):
    assert statuses(RULES, rule, context(dataset=dataset())) == ["ok"]
    assert statuses(RULES, rule, context(dataset=dataset(), checkout=checkout())) == ["ok"]
    assert statuses(RULES, rule, context()) == ["skip"]
    assert statuses(RULES, rule, context(dataset=Unknown("no"))) == ["unknown"]


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"exists": False, "nested_hint": "/up"}, "fail", "is not a folder"),
        ({"category": "scew"}, "fail", "did you mean `screw`"),
        ({"category": None}, "skip", "bottle, screw"),
        ({"anomaly": "scrach"}, "fail", "did you mean `scratch`"),
        ({"anomaly": None}, "skip", "scratch"),
        ({"category": "x\n\x1b[2J"}, "fail", "\\x1b"),
    ],
)
def test_places_that_are_not_there(fields, status, says):
    (row,) = findings(RULES, "DATA001", context(dataset=dataset(**fields)))
    assert row.status == status
    assert says in row.detail
    assert row.detail.isprintable()


def test_a_missing_root_folds_the_other_rules():
    ctx = context(dataset=Dataset("/x", exists=False))
    causes = {row.caused_by for rule in RULES[1:] for row in findings(RULES, rule.id, ctx)}
    assert causes == {"DATA001"}


def test_layouts_that_are_not_mvtec():
    plain = Dataset("/x", True, nested_hint="/x/mvtec")
    (row,) = findings(RULES, "DATA002", context(dataset=plain))
    assert (row.status, "/x/mvtec" in row.cure) == ("fail", True)
    assert statuses(RULES, "DATA002", context(dataset=dataset(masks=()))) == ["fail"]
    assert statuses(RULES, "DATA002", context(dataset=dataset(good=None))) == ["warn"]
    assert statuses(RULES, "DATA002", context(dataset=dataset(problems=("cut",)))) == ["unknown"]


def test_images_and_masks_that_do_not_belong_together():
    masks = images("/m", "000_mask.png", "001_mask.png", "009_mask.png")
    rows = findings(RULES, "DATA003", context(dataset=dataset(masks=masks)))
    assert [(row.status, row.subject) for row in rows] == [("fail", "without mask"), ("warn", "without image")]
    small = images("/m", "000_mask.png", "001_mask.png", "002_mask.png", size=(32, 64))
    assert statuses(RULES, "DATA003", context(dataset=dataset(masks=small))) == ["fail"] * 3
    objects = images("/f", "000.png", "001.png", "002.png", size=(8, 8))
    assert statuses(RULES, "DATA003", context(dataset=dataset(foreground=objects))) == ["fail"] * 3
    assert statuses(RULES, "DATA003", context({"variant": "dual"}, dataset=dataset(foreground=objects))) == ["ok"]


def test_images_that_cannot_be_read():
    broken = (*images("/i", "001.png", "002.png"), ImageFile("/i/000.png", error="empty file"))
    (row,) = findings(RULES, "DATA004", context(dataset=dataset(images=broken)))
    assert row.status == "fail"
    assert "000.png (empty file)" in row.detail


def test_foreground_masks():
    some = images("/fg", "000.png", "001.png")
    assert statuses(RULES, "DATA005", context(dataset=dataset(foreground=some))) == ["fail"]
    nowhere = dataset(foreground_root=None, foreground=())
    (row,) = findings(RULES, "DATA005", context(dataset=nowhere))
    assert (row.status, row.repairable) == ("fail", True)
    assert statuses(RULES, "DATA005", context({"variant": "dual"}, dataset=nowhere)) == ["ok"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({"images": ()}, "fail"), ({"images": images("/i", "0.png")}, "warn"), ({"good": 2}, "warn")],
)
def test_too_few_images(fields, expected):
    assert statuses(RULES, "DATA006", context(dataset=dataset(**fields))) == [expected]


def test_paths_that_break_only_the_checkout():
    root = {"root": "/tests/mvtec", "anomaly_dir": "/tests/mvtec/screw/test/scratch"}
    assert statuses(RULES, "DATA007", context(dataset=dataset(**root))) == ["ok"]
    ctx = context(dataset=dataset(**root), checkout=checkout(patch("mask-path", "before", "SRC006")))
    assert statuses(RULES, "DATA007", ctx) == ["fail"]
    cured = context(dataset=dataset(**root), checkout=checkout(patch("mask-path", "after", "SRC006")))
    assert statuses(RULES, "DATA007", cured) == ["ok"]
    jpegs = images("/mvtec/screw/test/scratch", "000.jpg", "001.jpg", "002.jpg")
    assert statuses(RULES, "DATA007", context(dataset=dataset(images=jpegs), checkout=checkout())) == ["warn"]


def test_strangers_block_the_checkout_and_warn_otherwise():
    data = dataset(strangers=("Thumbs.db",))
    assert statuses(RULES, "DATA008", context(dataset=data)) == ["warn"]
    assert statuses(RULES, "DATA008", context(dataset=data, checkout=checkout())) == ["fail"]
