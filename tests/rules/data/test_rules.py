"""Rules about the data, on hand-made sheets."""

from __future__ import annotations

import pytest

from dualano_setup.facts.fact import Unknown
from dualano_setup.facts.sheet import Dataset, ImageFile, MaskContent
from dualano_setup.rules.data.rules import RULES
from tests.rules.project_sheets import checkout, contents, context, dataset, findings, images, patch, statuses


@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
def test_good_data_is_fine(rule):
    assert statuses(RULES, rule, context(dataset=dataset(), contents=contents())) == ["ok"]
    assert statuses(RULES, rule, context(dataset=dataset(), contents=contents(), checkout=checkout())) == ["ok"]
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


def marks(**numbers: float) -> tuple[MaskContent, ...]:
    """The numbers of the one mask that trains."""
    return (MaskContent("/m/000_mask.png", **numbers),)


@pytest.mark.parametrize(
    ("numbers", "status", "subject"),
    [
        ({"white": 0.7, "border": 1.0}, "warn", "inverted"),
        ({"white": 0.7, "border": 0.5}, "ok", ""),
        ({"white": 0.3, "border": 0.95}, "ok", ""),
        ({"white": 1.0, "border": 1.0}, "warn", "white"),
        ({"largest": 0, "white": 0}, "fail", "black"),
        ({"largest": 1, "white": 0}, "fail", "small-values"),
        ({"largest": 76, "white": 0}, "fail", "colours"),
        ({"largest": 0, "white": 0, "shaped": 0.1}, "fail", "transparent-mask"),
        ({"shaped": 0.1}, "warn", "transparent-mask"),
        ({"ignored": 0.01}, "warn", "ignored-levels"),
        ({"ignored": 0.00001, "grey": 0.1}, "ok", ""),
        ({"left": 0}, "fail", "vanishes"),
        ({"left": 0.1}, "warn", "thins"),
        ({"left": 0.3}, "ok", ""),
        ({"inside": 0.4}, "warn", "outside"),
        ({"inside": 0.6}, "ok", ""),
    ],
)
def test_what_an_anomaly_mask_holds(numbers, status, subject):
    (row,) = findings(RULES, "DATA009", context(dataset=dataset(), contents=contents(masks=marks(**numbers))))
    assert (row.status, row.subject) == (status, subject)


def test_a_mark_that_vanishes_blocks_only_where_all_do():
    some = (*marks(left=0), MaskContent("/m/001_mask.png"))
    (row,) = findings(RULES, "DATA009", context(dataset=dataset(), contents=contents(training_opened=2, masks=some)))
    assert (row.status, row.subject) == ("warn", "vanishes")


@pytest.mark.parametrize(
    ("numbers", "status", "subject"),
    [
        ({"white": 0.3, "border": 0.95}, "warn", "inverted-object"),
        ({"white": 0.9, "border": 0.8}, "ok", ""),
        ({"white": 1.0, "border": 1.0}, "info", ""),
        ({"largest": 0, "white": 0}, "warn", "black-object"),
        ({"largest": 1, "white": 0}, "fail", "small-values"),
        ({"shaped": 0.1}, "warn", "transparent-object"),
        ({"grey": 0.3, "white": 0.2}, "warn", "grey-object"),
        ({"grey": 0.05, "white": 0.3}, "ok", ""),
    ],
)
def test_what_an_object_mask_holds(numbers, status, subject):
    seen = contents(objects=marks(**numbers))
    (row,) = findings(RULES, "DATA010", context(dataset=dataset(), contents=seen))
    assert (row.status, row.subject) == (status, subject)
    assert statuses(RULES, "DATA010", context({"variant": "dual"}, dataset=dataset(), contents=seen)) == ["ok"]


def test_photographs_with_transparency_and_files_that_only_decoding_shows_broken():
    seen = contents(transparent=(("/i/000.png", 0.2), ("/i/001.png", 0.0005)), unreadable=(("/i/002.png", "broken"),))
    (row,) = findings(RULES, "DATA011", context(dataset=dataset(), contents=seen))
    assert (row.status, "000.png" in row.detail, "001.png" in row.detail) == ("warn", True, False)
    (row,) = findings(RULES, "DATA004", context(dataset=dataset(), contents=seen))
    assert (row.status, "002.png (broken)" in row.detail) == ("fail", True)


def test_how_many_were_opened_is_said():
    for opened, status in ((30, "ok"), (20, "info")):
        seen = contents(training=30, training_opened=opened, images=90, opened=opened + 16)
        (row,) = findings(RULES, "DATA009", context(dataset=dataset(), contents=seen))
        assert (row.status, f"{opened} of the 30" in row.detail, "16 of the other 60" in row.detail) == (
            status,
            True,
            True,
        )


def test_several_masks_for_one_image():
    only = images("/m", "000_mask1.png", "000_mask2.png", "001_mask.png", "002_mask.png")
    (row,) = findings(RULES, "DATA003", context(dataset=dataset(masks=only)))
    assert (row.status, row.subject) == ("fail", "several masks")
    beside = images("/m", "000_mask.png", "000_mask_2.png", "001_mask.png", "002_mask.png")
    (row,) = findings(RULES, "DATA003", context(dataset=dataset(masks=beside)))
    assert (row.status, row.subject) == ("warn", "several masks")


def test_images_that_were_not_opened_count():
    assert statuses(RULES, "DATA006", context(dataset=dataset(images=images("/i", "0.png"), more=9))) == ["ok"]
    (row,) = findings(
        RULES, "DATA005", context(dataset=dataset(more=997, foreground=images("/f", "000.png", "001.png")))
    )
    assert "1 of 1000 images" in row.detail
