"""What the numbers of a mask or a photograph mean for a training.

The thresholds are wide on purpose: soft edges, tiny defects and defects over half the image are real, and most masks
that look odd are right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from .texts import TEXTS

#: A grey value from here on counts as marked: 128 is the smallest whose fraction v/255 reaches one half.
MARKED = 128
#: Grey values outside this range are black or white with the noise that JPEG leaves.
DARKEST, LIGHTEST = 16, 239
#: Shares of the image.
_SOME = 0.001
_BORDER, _MOST, _ALL = 0.9, 0.5, 0.999
#: Kinds whose masks say what they mark, only not in black and white (of `ignored-levels`, those in colours).
MENDABLE = ("small-values", "colours", "ignored-levels", "transparent-mask", "transparent-object")
#: Share of an object mask's marks that may be grey: U-2-Net's soft edges stay below a tenth.
_GREY = 0.35
_SEVERAL = 3
#: Of a mark's area, what has to be there after the resize, and of that what has to lie in the square.
_LEFT, _INSIDE = 0.2, 0.5


class Marks(Protocol):
    """What a mask holds, read as training reads it: turned by EXIF, as 8-bit grey.

    Attributes:
        largest: largest grey value, 0..255.
        white: share of the pixels that count as marked.
        border: the same of the outermost pixels.
        ignored: share of the pixels in even areas of grey or colour that are not black and do not count as marked.
        grey: share of the pixels between black and white.
        shaped: share of the pixels whose mark would be another if transparency, not grey, were the mask.
        left: marked area after the resize in the whole picture, as a share of what it was; 0 = all gone.
        inside: share of that in the square that training cuts out.
        coloured: 1 where such areas have a colour, else 0.
    """

    @property
    def largest(self) -> int: ...  # noqa: D102
    @property
    def white(self) -> float: ...  # noqa: D102
    @property
    def border(self) -> float: ...  # noqa: D102
    @property
    def ignored(self) -> float: ...  # noqa: D102
    @property
    def grey(self) -> float: ...  # noqa: D102
    @property
    def shaped(self) -> float: ...  # noqa: D102
    @property
    def left(self) -> float: ...  # noqa: D102
    @property
    def inside(self) -> float: ...  # noqa: D102
    @property
    def coloured(self) -> float: ...  # noqa: D102


class MaskNumbers(NamedTuple):
    """`Marks` as a record; see there."""

    largest: int = 255
    white: float = 0.1
    border: float = 0.0
    ignored: float = 0.0
    grey: float = 0.0
    shaped: float = 0.0
    left: float = 1.0
    inside: float = 1.0
    coloured: float = 0.0


class Verdict(NamedTuple):
    """What is wrong: a key of `TEXTS`, and whether no training may start on it."""

    kind: str
    refused: bool = False

    @property
    def seen(self) -> str:
        """What was seen, in English, to follow the files' names."""
        return TEXTS[self.kind][0]

    @property
    def cure(self) -> str:
        """What to do, in English."""
        return TEXTS[self.kind][1]


def judge_anomaly_mask(marks: Marks) -> Verdict | None:
    """The one thing that explains the rest, or None where the mask is fine."""
    nothing = marks.largest < MARKED
    if marks.shaped > _SOME:
        return Verdict("transparent-mask", nothing)
    if marks.largest == 0:
        return Verdict("black", True)
    if nothing:
        return Verdict("colours" if marks.largest >= DARKEST else "small-values", True)
    if marks.ignored > _SOME / 10:
        return Verdict("ignored-levels")
    if marks.white >= _ALL:
        return Verdict("white")
    if marks.border >= _BORDER and marks.white > _MOST:
        return Verdict("inverted")
    if marks.left <= 0:
        return Verdict("vanishes")
    if marks.left < _LEFT:
        return Verdict("thins")
    return Verdict("outside") if marks.inside < _INSIDE else None


def judge_object_mask(marks: Marks) -> Verdict | None:
    """The same for an object mask: the object is blackened by its grey value, so every value counts."""
    nothing = marks.largest < MARKED
    if marks.shaped > _SOME:
        return Verdict("transparent-object")
    if marks.largest == 0:
        return Verdict("black-object")
    if nothing:
        return Verdict("colours" if marks.largest >= DARKEST else "small-values", True)
    if marks.white >= _ALL:
        return Verdict("white-object")
    if marks.border >= _BORDER:
        return Verdict("inverted-object")
    return Verdict("grey-object") if marks.grey > _GREY * (marks.grey + marks.white) else None


def judge_photograph(transparent: float) -> Verdict | None:
    """From the share of pixels that are transparent (alpha below one half)."""
    return Verdict("transparent-photograph") if transparent > _SOME else None


def surely_inverted(masks: Sequence[Marks]) -> bool:
    """Whether black and white are exchanged beyond doubt: several masks, and each is white all along the border, white
    over most of the image, and black somewhere inside. A real defect does not frame every image."""
    return len(masks) >= _SEVERAL and all(
        one.largest >= MARKED and one.border >= _ALL and _MOST < one.white < _ALL for one in masks
    )


def nothing_is_left(verdicts: Iterable[Verdict | None]) -> bool:
    """Whether no anomaly mask of those that train has anything for the training to learn from."""
    kinds = [verdict.kind if verdict else "" for verdict in verdicts]
    return bool(kinds) and all(kind in ("vanishes", "black") for kind in kinds)
