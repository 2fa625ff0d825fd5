"""Rules about the training data: its place and its layout. Files one by one are in `data_files`."""

from __future__ import annotations

from collections.abc import Iterator

from ...facts.fact import Known
from ...facts.sheet import Dataset
from ...language import N_, _
from ..finding import Finding
from ..rule import Context, Rule, fail, warn
from ..wording import GOOD_IMAGES, IMAGES, count, listing, nearest, shown, skip
from .contents import MARKS, OBJECTS, TRANSPARENT, check_marks, check_objects, check_transparency
from .files import (
    FOREGROUND,
    PAIRS,
    PATHS,
    READABLE,
    STRANGERS,
    check_checkout_paths,
    check_foreground,
    check_pairs,
    check_readable,
    check_strangers,
)

PLACE, LAYOUT, FEW = (
    N_("the data, the category or the anomaly is not there"),
    N_("the layout is not MVTec's"),
    N_("fewer training images than the method can use"),
)
MIN_IMAGES = 3
"""The method trains on a third of the images."""


def check_place(context: Context) -> Iterator[Finding]:
    """DATA001: root, category and anomaly, with the names that are there instead."""
    data = _data(context)
    if not data.exists:
        yield _missing(
            _("{root} is not a folder", root=shown(data.root)),
            _hinted(_("Set `data` to the MVTec root."), data),
            data.root,
        )
    elif data.category is None:
        if data.categories:
            yield skip(
                "DATA001",
                _(PLACE),
                _(
                    "no category is chosen (--category); there are {categories}",
                    categories=listing(data.categories, 20),
                ),
            )
    elif data.category not in data.categories:
        there = (
            _("there are {categories}", categories=listing(data.categories, 20))
            if data.categories
            else _("no category is there at all")
        )
        near = nearest(data.category, data.categories)
        detail = _(
            "no category `{category}` in {root}; {there}{near}",
            category=shown(data.category),
            root=shown(data.root),
            there=there,
            near=near,
        )
        yield _missing(detail, _hinted(_("Set `category` to one that is there."), data), data.root)
    elif data.anomaly is None:
        yield skip(
            "DATA001",
            _(PLACE),
            _("no anomaly is chosen (--anomaly); there are {anomalies}", anomalies=listing(data.anomalies, 20)),
        )
    elif data.anomaly not in data.anomalies:
        near = nearest(data.anomaly, data.anomalies)
        there = (
            _("there are {anomalies}", anomalies=listing(data.anomalies, 20)) if data.anomalies else _("there is none")
        )
        detail = _(
            "no anomaly `{anomaly}` of {category}; {there}{near}",
            anomaly=shown(data.anomaly),
            category=shown(data.category),
            there=there,
            near=near,
        )
        yield _missing(detail, _("Set `anomaly` to one that is there."), data.anomaly_dir or data.root)


def _hinted(cure: str, data: Dataset) -> str:
    """The cure, and where the data seem to be, if anywhere."""
    if not data.nested_hint:
        return cure
    return _("{cure} The data root seems to be {folder}.", cure=cure, folder=shown(data.nested_hint))


def _missing(detail: str, cure: str, where: str) -> Finding:
    return fail("DATA001", _(PLACE), detail, cure=cure, evidence=shown(where))


def check_layout(context: Context) -> Iterator[Finding]:
    """DATA002: categories, and in the chosen one test/, ground_truth/ and train/good/."""
    data = _data(context)
    if not data.categories:
        hint = (
            _("Set `data` to {folder}.", folder=shown(data.nested_hint))
            if data.nested_hint
            else _("Point `data` at the MVTec root.")
        )
        detail = _("no folder in {root} has train/, test/ or ground_truth/ in it", root=shown(data.root))
        yield fail("DATA002", _(LAYOUT), detail, cure=hint, evidence=shown(data.root))
    if data.category is None or data.anomaly is None:
        return
    expected = f"{shown(data.category)}/ground_truth/{shown(data.anomaly)}"
    if data.images and not data.masks:
        yield fail(
            "DATA002",
            _(LAYOUT),
            _("no masks in {expected}", expected=expected),
            cure=_(
                "Put the anomaly masks into {expected}, named like the images with `_mask` before `.png`.",
                expected=expected,
            ),
            evidence=shown(data.root),
            subject="ground_truth",
        )
    if data.good is None:
        yield warn(
            "DATA002",
            _(LAYOUT),
            _(
                "{category}/train/good is not there; images are generated on its pictures",
                category=shown(data.category),
            ),
            cure=_("Put the category's good training images there."),
            evidence=shown(data.root),
            subject="train/good",
        )
    for problem in data.problems:
        yield Finding("DATA002", "unknown", _(LAYOUT), shown(problem))


def check_number(context: Context) -> Iterator[Finding]:
    """DATA006: too few images to train on, or to generate from."""
    data = _data(context)
    if not data.anomaly_dir:
        return
    number = data.number
    if number == 0:
        yield fail(
            "DATA006",
            _(FEW),
            _("{folder} holds no image", folder=shown(data.anomaly_dir)),
            cure=_("Put at least {min_images} images there.", min_images=MIN_IMAGES),
            evidence=shown(data.anomaly_dir),
        )
    elif number < MIN_IMAGES:
        yield warn(
            "DATA006",
            _(FEW),
            _(
                "{images} of {anomaly}; a third is trained on, which is one",
                images=count(number, IMAGES),
                anomaly=shown(data.anomaly),
            ),
            cure=_("Add images: {min_images} at the least, ten or more as in MVTec.", min_images=MIN_IMAGES),
            evidence=shown(data.anomaly_dir),
        )
    if data.good is not None and data.good < MIN_IMAGES:
        yield warn(
            "DATA006",
            _(FEW),
            _("{good}; the checkout's sampler uses a third of them", good=count(data.good, GOOD_IMAGES)),
            cure=_("Have at least {min_images} images in train/good.", min_images=MIN_IMAGES),
            evidence=shown(data.root),
            subject="train/good",
        )


def _data(context: Context) -> Dataset:
    fact = context.sheet.dataset
    assert isinstance(fact, Known)
    return fact.value


_NEEDS = ("dataset",)
_CONTENTS = ("dataset", "contents")
_AFTER = ("DATA001", "DATA002")
RULES = (
    Rule("DATA001", PLACE, check_place, _NEEDS),
    Rule("DATA002", LAYOUT, check_layout, _NEEDS, ("DATA001",)),
    Rule("DATA003", PAIRS, check_pairs, _NEEDS, _AFTER),
    Rule("DATA004", READABLE, check_readable, _NEEDS, _AFTER),
    Rule("DATA005", FOREGROUND, check_foreground, _NEEDS, _AFTER, repairable=True),
    Rule("DATA006", FEW, check_number, _NEEDS, _AFTER),
    Rule("DATA007", PATHS, check_checkout_paths, _NEEDS, _AFTER),
    Rule("DATA008", STRANGERS, check_strangers, _NEEDS, _AFTER, repairable=True),
    Rule("DATA009", MARKS, check_marks, _CONTENTS, _AFTER),
    Rule("DATA010", OBJECTS, check_objects, _CONTENTS, _AFTER),
    Rule("DATA011", TRANSPARENT, check_transparency, _CONTENTS, _AFTER),
)
