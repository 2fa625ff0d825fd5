"""What masks and photographs hold, as training will see them. The verdicts are the trainer's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ...facts.fact import Known
from ...facts.sheet import Contents, MaskContent
from ...language import N_, _
from ...system.bundle import bundled
from ..finding import Finding
from ..rule import Context, fail, warn
from ..wording import FOREGROUND_MASKS, IMAGES, MASKS, count, listing, name_of, shown

MARKS, OBJECTS, TRANSPARENT = (
    N_("anomaly masks do not mark what training is to learn"),
    N_("object masks do not mark the object"),
    N_("photographs hide colours under transparency"),
)
Judged = list[tuple[str, Any]]  # file, its verdict (trainer/content/verdict.py) or None


def check_marks(context: Context) -> Iterator[Finding]:
    """DATA009: polarity, levels, transparency, and what the resize and the square leave of the marks."""
    seen = _contents(context)
    verdict = bundled("content.verdict")
    judged = _judged(seen.masks, verdict.judge_anomaly_mask)
    # The first ones are those that train; where nothing is left of any, there is nothing to learn.
    hopeless = bool(verdict.nothing_is_left(one for __, one in judged[: seen.training_opened]))
    yield from _rows("DATA009", MARKS, judged, MASKS, hopeless=hopeless)
    yield from _how_many("DATA009", MARKS, seen)


def check_objects(context: Context) -> Iterator[Finding]:
    """DATA010: the same of the object masks, which the background module blackens the object by."""
    if context.settings.variant != "bcm":
        return
    seen = _contents(context)
    judged = _judged(seen.objects, bundled("content.verdict").judge_object_mask)
    if judged and all(one is not None and one.kind == "white-object" for __, one in judged):
        # Whole-image masks are the way to train a texture, which has no background.
        yield Finding("DATA010", "info", _(OBJECTS), _detail(judged, FOREGROUND_MASKS), cure=_(judged[0][1].cure))
        return
    yield from _rows("DATA010", OBJECTS, judged, FOREGROUND_MASKS)


def check_transparency(context: Context) -> Iterator[Finding]:
    """DATA011: photographs in which something is transparent."""
    judge = bundled("content.verdict").judge_photograph
    judged = [(path, judge(part)) for path, part in _contents(context).transparent]
    yield from _rows("DATA011", TRANSPARENT, judged, IMAGES)


def _judged(masks: Iterable[MaskContent], judge: Callable[[Any], Any]) -> Judged:
    return [(mask.path, judge(mask)) for mask in masks]


def _rows(
    rule: str, title: str, judged: Judged, words: tuple[str, str], *, hopeless: bool = False
) -> Iterator[Finding]:
    """One row for each kind of fault, with the files that have it."""
    kinds = dict.fromkeys(one for __, one in judged if one is not None)
    for kind in kinds:
        mine = [(path, one) for path, one in judged if one == kind]
        yield (fail if kind.refused or hopeless else warn)(
            rule, _(title), _detail(mine, words), cure=_(kind.cure), evidence=shown(mine[0][0]), subject=kind.kind
        )


def _detail(judged: Judged, words: tuple[str, str]) -> str:
    return _(
        "{files} ({names}): {seen}",
        files=count(len(judged), words),
        names=listing(name_of(path) for path, __ in judged),
        seen=_(judged[0][1].seen),
    )


def _how_many(rule: str, title: str, seen: Contents) -> Iterator[Finding]:
    """Says of how many images the pixels were looked at, where it was not all."""
    if seen.opened < seen.images:
        detail = _(
            "the masks of {trained} of the {training} images that train were opened, and {others} of the other {rest}; "
            "the trainer opens all that train",
            trained=seen.training_opened,
            training=seen.training,
            others=seen.opened - seen.training_opened,
            rest=seen.images - seen.training,
        )
        yield Finding(rule, "ok" if seen.training_opened == seen.training else "info", _(title), detail)


def _contents(context: Context) -> Contents:
    fact = context.sheet.contents
    assert isinstance(fact, Known)
    return fact.value
