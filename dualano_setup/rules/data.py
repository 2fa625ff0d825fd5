"""Rules about the training data: its place and its layout. Files one by one are in `data_files`."""

from __future__ import annotations

from collections.abc import Iterator

from ..facts.fact import Known
from ..facts.sheet import Dataset
from .data_files import (
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
from .finding import Finding
from .rule import Context, Rule, fail, warn
from .wording import count, listing, nearest, shown, skip

PLACE, LAYOUT, FEW = (
    "the data, the category or the anomaly is not there",
    "the layout is not MVTec's",
    "fewer training images than the method can use",
)
MIN_IMAGES = 3
"""The method trains on a third of the images."""


def check_place(context: Context) -> Iterator[Finding]:
    """DATA001: root, category and anomaly, with the names that are there instead."""
    data = _data(context)
    hint = f" The data root seems to be {shown(data.nested_hint)}." if data.nested_hint else ""
    if not data.exists:
        yield _missing(f"{shown(data.root)} is not a folder", f"Set `data` to the MVTec root.{hint}", data.root)
    elif data.category is None:
        if data.categories:
            yield skip(
                "DATA001", PLACE, f"no category is chosen (--category); there are {listing(data.categories, 20)}"
            )
    elif data.category not in data.categories:
        there = f"there are {listing(data.categories, 20)}" if data.categories else "no category is there at all"
        near = nearest(data.category, data.categories)
        detail = f"no category `{shown(data.category)}` in {shown(data.root)}; {there}{near}"
        yield _missing(detail, f"Set `category` to one that is there.{hint}", data.root)
    elif data.anomaly is None:
        yield skip("DATA001", PLACE, f"no anomaly is chosen (--anomaly); there are {listing(data.anomalies, 20)}")
    elif data.anomaly not in data.anomalies:
        near = nearest(data.anomaly, data.anomalies)
        there = f"there are {listing(data.anomalies, 20)}" if data.anomalies else "there is none"
        detail = f"no anomaly `{shown(data.anomaly)}` of {shown(data.category)}; {there}{near}"
        yield _missing(detail, "Set `anomaly` to one that is there.", data.anomaly_dir or data.root)


def _missing(detail: str, cure: str, where: str) -> Finding:
    return fail("DATA001", PLACE, detail, cure=cure, evidence=shown(where))


def check_layout(context: Context) -> Iterator[Finding]:
    """DATA002: categories, and in the chosen one test/, ground_truth/ and train/good/."""
    data = _data(context)
    if not data.categories:
        hint = f"Set `data` to {shown(data.nested_hint)}." if data.nested_hint else "Point `data` at the MVTec root."
        detail = f"no folder in {shown(data.root)} has train/, test/ or ground_truth/ in it"
        yield fail("DATA002", LAYOUT, detail, cure=hint, evidence=shown(data.root))
    if data.category is None or data.anomaly is None:
        return
    expected = f"{shown(data.category)}/ground_truth/{shown(data.anomaly)}"
    if data.images and not data.masks:
        yield fail(
            "DATA002",
            LAYOUT,
            f"no masks in {expected}",
            cure=f"Put the anomaly masks into {expected}, named like the images with `_mask` before `.png`.",
            evidence=shown(data.root),
            subject="ground_truth",
        )
    if data.good is None:
        yield warn(
            "DATA002",
            LAYOUT,
            f"{shown(data.category)}/train/good is not there; images are generated on its pictures",
            cure="Put the category's good training images there.",
            evidence=shown(data.root),
            subject="train/good",
        )
    for problem in data.problems:
        yield Finding("DATA002", "unknown", LAYOUT, shown(problem))


def check_number(context: Context) -> Iterator[Finding]:
    """DATA006: too few images to train on, or to generate from."""
    data = _data(context)
    if not data.anomaly_dir:
        return
    number = len(data.images)
    if number == 0:
        yield fail(
            "DATA006",
            FEW,
            f"{shown(data.anomaly_dir)} holds no image",
            cure=f"Put at least {MIN_IMAGES} images there.",
            evidence=shown(data.anomaly_dir),
        )
    elif number < MIN_IMAGES:
        yield warn(
            "DATA006",
            FEW,
            f"{count(number, 'image')} of {shown(data.anomaly)}; a third is trained on, which is one",
            cure=f"Add images: {MIN_IMAGES} at the least, ten or more as in MVTec.",
            evidence=shown(data.anomaly_dir),
        )
    if data.good is not None and data.good < MIN_IMAGES:
        yield warn(
            "DATA006",
            FEW,
            f"{count(data.good, 'good training image')}; the checkout's sampler uses a third of them",
            cure=f"Have at least {MIN_IMAGES} images in train/good.",
            evidence=shown(data.root),
            subject="train/good",
        )


def _data(context: Context) -> Dataset:
    fact = context.sheet.dataset
    assert isinstance(fact, Known)
    return fact.value


_NEEDS = ("dataset",)
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
)
