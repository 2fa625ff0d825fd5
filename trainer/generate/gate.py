"""The gate: whether a pair shows what it says. Pure verdicts; nothing here reads or writes, and no network is asked.

A pair passes when its part shows an anomaly, its whole image shows the same at the same place, the mask is one that a
person could have drawn beside the training masks, and the image is no copy of a training image. Thresholds come from
`python -m benchmarks.quality.calibrate`, on drawn pairs with truth (docs/generation.md has the table).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..masks.anomaly import agreement, extract_mask
from ..masks.regions import BoolMask, Pixels, load_opencv
from ..masks.repair import repair_mask, touches_border
from ..masks.surroundings import Values, continued, contrast, shown_share
from .likeness import Nearest, Thumbnail, TrainingLikeness, thumbnail
from .reference import TrainingPair

#: Reasons by their ids, as people read them; `{}` is the number that decided.
REASONS = {
    "background": "{}",  # the mask's own words
    "empty": "{}",
    "faint": "the part frame hardly differs from the whole image's surroundings ({:.0f} grey levels)",
    "not-shown": "the whole image does not show what its part shows (share {:.2f})",
    "border": "the mask touches the image's border, and no training mask does ({:.0f} pixels)",
    "size": "the mask's size is none of the training masks' ({:.2f} times the nearest)",
    "thickness": "the mask is thicker or thinner than the training masks ({:.2f} times the nearest)",
    "place": "the mask lies off the object ({:.2f} of it on it)",
    "unlike": "the anomaly's colours are none of the training ones' ({:.0f} grey levels away)",
    "copy": "it is a copy of a training image (distance {:.1f} grey levels)",
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where a verdict turns. All lengths are shares, all colours grey levels, so that the resolution does not matter.

    Attributes:
        shown: least share of what the part shows that the whole image must show.
        faint: least contrast of the part with what would lie there without it.
        size: largest factor between the mask's area and the nearest training mask's.
        thickness: the same of its mean thickness.
        on_object: least share of the mask on the background's object.
        unlike: largest distance of the anomaly's mean colour change from the nearest training one.
        copy: distance from a training image below which a pair may be its copy.
        copy_contrast: share of the anomaly's own contrast below which that distance makes it one: two faint ones in
            different places are near each other too.
    """

    shown: float = 0.5
    faint: float = 12.0
    size: float = 4.0
    thickness: float = 2.0
    on_object: float = 0.3
    unlike: float = 70.0
    copy: float = 20.0
    copy_contrast: float = 0.4


@dataclass(frozen=True, slots=True)
class Reference:
    """What all pairs of a folder are held against.

    Attributes:
        training: the images that trained; empty where they are not known: then size, thickness, colours and copies are
            not looked at.
        thresholds: where verdicts turn.
    """

    training: tuple[TrainingPair, ...] = ()
    thresholds: Thresholds = Thresholds()
    likeness: TrainingLikeness = field(init=False)
    changes: tuple[Values, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "likeness", TrainingLikeness(self.training))
        changes = tuple(mean_change(p.image, continued(p.image, p.mask), p.mask) for p in self.training)
        object.__setattr__(self, "changes", changes)


@dataclass(frozen=True, slots=True)
class Background:
    """The good image that a pair was made on.

    Attributes:
        image: (H, W, 3).
        objects: (H, W), true = object.
    """

    image: Pixels
    objects: BoolMask


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of a pair.

    Attributes:
        mask: (H, W), repaired; all false where there is none.
        reasons: ids of `REASONS` by which the pair is rejected, in their order; empty = accepted.
        measures: the numbers behind it, by name.
        words: the reasons for a person, or None.
        thumb: of the image and its mask, or None without a mask.
        nearest: the training image most like it.
    """

    mask: BoolMask
    reasons: tuple[str, ...]
    measures: dict[str, float]
    words: str | None
    thumb: Thumbnail | None = None
    nearest: Nearest | None = None


def judge_pair(
    image: Pixels, part: Pixels, reference: Reference = Reference(), background: Background | None = None
) -> Verdict:
    """The verdict on one pair.

    Args:
        image: (H, W, 3), the whole image, 8-bit RGB.
        part: (H, W, 3), the part frame, anomaly on mid-grey.
        reference: what pairs of this folder are held against.
        background: the good image it was made on, where there is one.
    """
    found = extract_mask(part)
    if found.rejected:
        reason = "empty" if "nothing stands out" in found.rejected else "background"
        return Verdict(found.mask, (reason,), {}, found.rejected)
    repaired = repair_mask(part, found.mask)
    mask = repaired.mask
    measures = {"mask_removed": repaired.removed, "agreement": agreement(image, part, mask)}
    measures |= measure_shown(image, part, mask, background)
    measures |= measure_mask(mask, reference, background)
    thumb = thumbnail(image, mask)
    nearest = reference.likeness.nearest(thumb)
    if nearest:
        change = mean_change(part, continued(image, mask), mask)
        measures["unlike"] = min(float(np.abs(change - other).max()) for other in reference.changes)
        measures["nearest_training"] = nearest.distance
    reasons = find_reasons(measures, reference)
    words = "; ".join(REASONS[reason].format(measures[_DECIDES[reason]]) for reason in reasons) or None
    return Verdict(mask, reasons, {name: round(float(v), 4) for name, v in measures.items()}, words, thumb, nearest)


#: The measure that decides each reason.
_DECIDES = {
    "faint": "contrast",
    "not-shown": "shown",
    "border": "border",
    "size": "size",
    "thickness": "thickness",
    "place": "on_object",
    "unlike": "unlike",
    "copy": "nearest_training",
}


def find_reasons(measures: dict[str, float], reference: Reference) -> tuple[str, ...]:
    """The reasons to reject a pair of these measures; measures that are not there decide nothing."""
    limits = reference.thresholds
    infinite = float("inf")
    failed = {
        "faint": measures["contrast"] < limits.faint,
        "not-shown": measures["shown"] < limits.shown,
        "border": measures["border"] > 0 and not any(touches_border(pair.mask) for pair in reference.training),
        "size": not 1 / limits.size <= measures.get("size", 1.0) <= limits.size,
        "thickness": not 1 / limits.thickness <= measures.get("thickness", 1.0) <= limits.thickness,
        "place": measures.get("on_object", 1.0) < limits.on_object,
        "unlike": measures.get("unlike", 0.0) > limits.unlike,
        "copy": measures.get("nearest_training", infinite)
        < min(limits.copy, limits.copy_contrast * measures["contrast"]),
    }
    return tuple(reason for reason, is_so in failed.items() if is_so)


def measure_shown(image: Pixels, part: Pixels, mask: BoolMask, background: Background | None) -> dict[str, float]:
    """How far the part differs from what would lie there without it, and how much of that the image shows too.

    Beside the image's own surroundings and, where there is one, the background; the lower share counts. A background
    against which the part is faint (its object lies elsewhere, the anomaly is a hole in it) says nothing.
    """
    beside = continued(image, mask)
    measures = {"contrast": contrast(part, beside, mask), "shown": shown_share(image, part, beside, mask)}
    if background is not None:
        behind = background.image.astype(np.float32)
        if contrast(part, behind, mask) >= measures["contrast"] / 2:
            measures["shown_on_background"] = shown_share(image, part, behind, mask)
            measures["shown"] = min(measures["shown"], measures["shown_on_background"])
    return measures


def measure_mask(mask: BoolMask, reference: Reference, background: Background | None) -> dict[str, float]:
    """The mask's size, thickness and place: as factors of the nearest training mask's, as shares and in pixels."""
    border = np.concatenate([mask[0], mask[-1], mask[1:-1, 0], mask[1:-1, -1]])
    measures = {"area": float(mask.mean()), "border": float(border.sum())}
    if reference.training:
        others = [pair.mask for pair in reference.training]
        measures["size"] = _nearest_factor(float(mask.mean()), [float(other.mean()) for other in others])
        measures["thickness"] = _nearest_factor(mean_thickness(mask), [mean_thickness(other) for other in others])
    if background is not None and background.objects.any():
        measures["on_object"] = float(_widened(background.objects)[mask].mean())
    return measures


def mean_thickness(mask: BoolMask) -> float:
    """Twice the mean distance of the mask's pixels from its outline, as a share of the side."""
    distances = load_opencv().distanceTransform(np.pad(mask, 1).astype(np.uint8), 2, 5)
    return float(4 * distances[distances > 0].mean() / min(mask.shape)) if mask.any() else 0.0


def mean_change(shown: Pixels, beside: Values, mask: BoolMask) -> Values:
    """By how much the anomaly changes the colour, on average: (3,), grey levels."""
    return np.asarray((shown[mask].astype(np.float32) - beside[mask]).mean(0), np.float32)


def _nearest_factor(value: float, others: Sequence[float]) -> float:
    """`value` over the one of `others` by which it is nearest to 1."""
    factors = [value / max(other, 1e-9) for other in others]
    return min(factors, key=lambda factor: abs(np.log(max(factor, 1e-9))))


def _widened(objects: BoolMask) -> BoolMask:
    """The object mask with a twentieth of the side around it: a generated object is never exactly in its place."""
    cv2 = load_opencv()
    reach = max(1, min(objects.shape) // 20)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(objects.astype(np.uint8), kernel) > 0)
