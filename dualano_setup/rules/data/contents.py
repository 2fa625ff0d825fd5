"""What masks and photographs hold, as training will see them. The verdicts are the trainer's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ...facts.sheet import Contents, MaskContent
from ...language import _
from ...system.bundle import bundled
from ..finding import Verdict, fail, info, skip, warn
from ..rule import Context, given
from ..wording import FOREGROUND_MASKS, IMAGES, MASKS, count, listing, name_of, shown

Judged = list[tuple[str, Any]]  # file, its verdict (trainer/content/verdict.py) or None


def check_marks(context: Context) -> Iterator[Verdict]:
    """DATA009: polarity, levels, transparency, and what the resize and the square leave of the marks."""
    seen = _contents(context)
    verdict = bundled("content.verdict")
    judged = _judged(seen.masks, verdict.judge_anomaly_mask)
    # The first ones are those that train; where nothing is left of any, there is nothing to learn.
    hopeless = bool(verdict.nothing_is_left(one for __, one in judged[: seen.training_opened]))
    mendable = mendable_kinds(seen)
    yield from _rows(judged, MASKS, mendable, hopeless=hopeless and not seen.without)
    yield from _how_many(seen)


def mendable_kinds(seen: Contents) -> tuple[str, ...]:
    """The kinds of verdicts on which `fix` writes copies of the masks: what they mean is certain."""
    if seen.without:
        return ()
    verdict = bundled("content.verdict")
    coloured = all(mask.coloured for mask in seen.masks if mask.ignored)
    kinds = tuple(kind for kind in verdict.MENDABLE if coloured or kind != "ignored-levels")
    return (*kinds, "inverted") if verdict.surely_inverted(seen.masks) else kinds


def check_objects(context: Context) -> Iterator[Verdict]:
    """DATA010: the same of the object masks, which the background module blackens the object by."""
    if context.settings.variant != "bcm":
        return
    seen = _contents(context)
    judged = _judged(seen.objects, bundled("content.verdict").judge_object_mask)
    if seen.without:
        yield skip(seen.without)
    if judged and all(one is not None and one.kind == "white-object" for __, one in judged):
        # Whole-image masks are the way to train a texture, which has no background.
        yield info(_detail(judged, FOREGROUND_MASKS), cure=_(judged[0][1].cure))
        return
    yield from _rows(judged, FOREGROUND_MASKS, mendable_kinds(seen))


def check_transparency(context: Context) -> Iterator[Verdict]:
    """DATA011: photographs in which something is transparent."""
    if _contents(context).without:
        yield skip(_contents(context).without)
    judge = bundled("content.verdict").judge_photograph
    judged = [(path, judge(part)) for path, part in _contents(context).transparent]
    yield from _rows(judged, IMAGES)


def _judged(masks: Iterable[MaskContent], judge: Callable[[Any], Any]) -> Judged:
    return [(mask.path, judge(mask)) for mask in masks]


def _rows(
    judged: Judged, words: tuple[str, str], mendable: Sequence[str] = (), *, hopeless: bool = False
) -> Iterator[Verdict]:
    """One row for each kind of fault, with the files that have it."""
    kinds = dict.fromkeys(one for __, one in judged if one is not None)
    for kind in kinds:
        mine = [(path, one) for path, one in judged if one == kind]
        yield (fail if kind.refused or hopeless else warn)(
            _detail(mine, words),
            cure=_(kind.cure),
            evidence=shown(mine[0][0]),
            repairable=kind.kind in mendable,
            subject=kind.kind,
        )


def _detail(judged: Judged, words: tuple[str, str]) -> str:
    return _(
        "{files} ({names}): {seen}",
        files=count(len(judged), words),
        names=listing(name_of(path) for path, __ in judged),
        seen=_(judged[0][1].seen),
    )


def _how_many(seen: Contents) -> Iterator[Verdict]:
    """Says of how many images the pixels were looked at, where it was not all."""
    if seen.without:
        yield skip(seen.without)
    elif seen.opened < seen.images:
        detail = _(
            "the masks of {trained} of the {training} images that train were opened, and {others} of the other {rest}; "
            "the trainer opens all that train",
            trained=seen.training_opened,
            training=seen.training,
            others=seen.opened - seen.training_opened,
            rest=seen.images - seen.training,
        )
        yield Verdict("ok" if seen.training_opened == seen.training else "info", detail)


def _contents(context: Context) -> Contents:
    return given(context.sheet.contents)
