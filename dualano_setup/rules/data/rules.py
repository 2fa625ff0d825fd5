"""Rules about the training data: its place and its layout. Files one by one are in `files`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ...facts.sheet import Dataset
from ...language import N_, _
from ..finding import Verdict, fail, skip, unknown, warn
from ..rule import Context, Rule, given
from ..wording import GOOD_IMAGES, IMAGES, count, listing, nearest, shown
from .contents import check_marks, check_objects, check_transparency
from .files import check_checkout_paths, check_foreground, check_pairs, check_readable, check_strangers
from .layout import cure_of_name, how_to_bring, what_is_there

MIN_IMAGES = 3
"""The method trains on a third of the images."""


def check_place(context: Context) -> Iterator[Verdict]:
    """DATA001: root, category and anomaly, with the names that are there instead."""
    data = given(context.sheet.dataset)
    if not data.exists:
        cure = _hinted(_("Set `data` to the MVTec root."), data)
        yield fail(_("{root} is not a folder", root=shown(data.root)), cure=cure, evidence=shown(data.root))
    elif data.category is None:
        if data.categories:
            yield skip(
                _("no category is chosen (--category); there are {categories}", categories=listing(data.categories, 20))
            )
    elif data.category not in data.categories:
        there = _("there are {categories}", categories=listing(data.categories, 20))
        yield fail(
            _(
                "no category `{category}` in {root}; {there}{near}",
                category=shown(data.category),
                root=shown(data.root),
                there=what_is_there(data, there if data.categories else _("no category is there at all")),
                near=nearest(data.category, data.categories),
            ),
            cure=_hinted(cure_of_name(data, data.categories, _("Set `category` to one that is there.")), data),
            evidence=shown(data.root),
        )
    elif data.anomaly is None:
        yield skip(_("no anomaly is chosen (--anomaly); there are {anomalies}", anomalies=listing(data.anomalies, 20)))
    elif data.anomaly not in data.anomalies:
        there = _("there are {anomalies}", anomalies=listing(data.anomalies, 20))
        yield fail(
            _(
                "no anomaly `{anomaly}` of {category}; {there}{near}",
                anomaly=shown(data.anomaly),
                category=shown(data.category),
                there=what_is_there(data, there if data.anomalies else _("there is none")),
                near=nearest(data.anomaly, data.anomalies),
            ),
            cure=cure_of_name(data, data.anomalies, _("Set `anomaly` to one that is there.")),
            evidence=shown(data.anomaly_dir or data.root),
        )


def _hinted(cure: str, data: Dataset) -> str:
    """The cure, and where the data seem to be, if anywhere."""
    if not data.nested_hint:
        return cure
    return _("{cure} The data root seems to be {folder}.", cure=cure, folder=shown(data.nested_hint))


def check_layout(context: Context) -> Iterator[Verdict]:
    """DATA002: categories, and in the chosen one test/, ground_truth/ and train/good/."""
    data = given(context.sheet.dataset)
    if not data.categories:
        hint = _("Set `data` to {folder}.", folder=shown(data.nested_hint)) if data.nested_hint else how_to_bring(data)
        nothing = _("no folder in {root} has train/, test/ or ground_truth/ in it", root=shown(data.root))
        detail = what_is_there(data, nothing)
        yield fail(detail, cure=hint, evidence=shown(data.root))
    if data.category is None or data.anomaly is None:
        return
    expected = f"{shown(data.category)}/ground_truth/{shown(data.anomaly)}"
    if data.images and not data.masks:
        yield fail(
            what_is_there(data, _("no masks in {expected}", expected=expected)),
            cure=how_to_bring(data)
            if data.layout
            else _(
                "Put the anomaly masks into {expected}, named like the images with `_mask` before `.png`.",
                expected=expected,
            ),
            evidence=shown(data.root),
            subject="ground_truth",
        )
    if data.good is None:
        yield warn(
            _(
                "{category}/train/good is not there; images are generated on its pictures",
                category=shown(data.category),
            ),
            cure=how_to_bring(data) if data.layout else _("Put the category's good training images there."),
            evidence=shown(data.root),
            subject="train/good",
        )
    for problem in data.problems:
        yield unknown(shown(problem))


def check_number(context: Context) -> Iterator[Verdict]:
    """DATA006: too few images to train on, or to generate from."""
    data = given(context.sheet.dataset)
    if not data.anomaly_dir:
        return
    number = data.number
    if number == 0:
        yield fail(
            _("{folder} holds no image", folder=shown(data.anomaly_dir)),
            cure=_("Put at least {min_images} images there.", min_images=MIN_IMAGES),
            evidence=shown(data.anomaly_dir),
        )
    elif number < MIN_IMAGES:
        yield warn(
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
            _("{good}; the checkout's sampler uses a third of them", good=count(data.good, GOOD_IMAGES)),
            cure=_("Have at least {min_images} images in train/good.", min_images=MIN_IMAGES),
            evidence=shown(data.root),
            subject="train/good",
        )


_rule = partial(Rule, needs=("dataset",), after=("DATA001", "DATA002"))
_look_inside = partial(_rule, needs=("dataset", "contents"))
RULES = (
    _rule(
        "DATA001",
        N_("the data, the category or the anomaly is not there"),
        check_place,
        after=(),
        fine=N_("The data, the category and the anomaly are there"),
    ),
    _rule(
        "DATA002", N_("the layout is not MVTec's"), check_layout, after=("DATA001",), fine=N_("The layout is MVTec's")
    ),
    _rule(
        "DATA003",
        N_("images and masks do not belong together"),
        check_pairs,
        fine=N_("Images and masks belong together"),
    ),
    _rule("DATA004", N_("images cannot be read"), check_readable, fine=N_("Images and masks can be read")),
    _rule(
        "DATA005",
        N_("foreground masks are missing"),
        check_foreground,
        repairable=True,
        fine=N_("Foreground masks are there"),
    ),
    _rule(
        "DATA006",
        N_("fewer training images than the method can use"),
        check_number,
        fine=N_("There are enough training images for the method"),
    ),
    _rule(
        "DATA007",
        N_("names and paths break the checkout's path arithmetic"),
        check_checkout_paths,
        fine=N_("Names and paths suit the checkout's path arithmetic"),
    ),
    _rule(
        "DATA008",
        N_("files among the images are no images"),
        check_strangers,
        repairable=True,
        fine=N_("Only images lie among the images"),
    ),
    _look_inside(
        "DATA009",
        N_("anomaly masks do not mark what training is to learn"),
        check_marks,
        repairable=True,
        fine=N_("Anomaly masks mark what training is to learn"),
    ),
    _look_inside(
        "DATA010",
        N_("object masks do not mark the object"),
        check_objects,
        repairable=True,
        fine=N_("Object masks mark the object"),
    ),
    _look_inside(
        "DATA011",
        N_("photographs hide colours under transparency"),
        check_transparency,
        fine=N_("No photograph hides colours under transparency"),
    ),
)
