"""Anomaly masks from the part frame, without any trained network.

The part frame shows the anomaly on a flat background. Its distance from that background is thresholded twice
(hysteresis, in units of the background's own noise), then each component is cut at a share of its own
brightness, so that the soft rim of a strong anomaly is left out and a weak anomaly is kept. Unlike Otsu's
threshold, this can say that there is nothing, and then the sample is no use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .regions import BoolMask, Distance, Pixels, fill_holes, load_opencv

#: Grey levels by which the part frame's background may be off mid-grey before it counts as no background.
BACKGROUND_TOLERANCE = 48.0
MID_GREY = 127.5
#: Side at which `MaskSettings`' lengths and areas are meant; other sizes scale them.
REFERENCE_SIDE = 512


@dataclass(frozen=True, slots=True)
class MaskSettings:
    """Thresholds of the mask.

    Attributes:
        blur: deviation of the Gaussian blur, in pixels of a 512 px image.
        low: hysteresis: a component's pixels are above median + low * MAD of the distance.
        high: at least one of its pixels is above median + high * MAD.
        noise_floor: least MAD, in grey levels; a decoder's flat grey is never exactly flat.
        level: a component's pixels reach this share of its 90th percentile.
        min_area: smallest component, in pixels of a 512 px image.
    """

    blur: float = 1.0
    low: float = 6.0
    high: float = 14.0
    noise_floor: float = 0.5
    level: float = 0.4
    min_area: int = 20


@dataclass(frozen=True, slots=True)
class ExtractedMask:
    """A mask, or why there is none.

    Attributes:
        mask: (H, W), true = anomaly; all false when rejected.
        rejected: the reason, or None.
    """

    mask: BoolMask
    rejected: str | None


def extract_mask(part: Pixels, settings: MaskSettings = MaskSettings()) -> ExtractedMask:
    """The anomaly mask of a part frame (H, W, 3), 8-bit RGB on mid-grey."""
    empty = np.zeros(part.shape[:2], np.bool_)
    background = np.median(part.reshape(-1, 3), axis=0)
    if np.abs(background - MID_GREY).max() > BACKGROUND_TOLERANCE:
        seen = ", ".join(f"{value:.0f}" for value in background)
        return ExtractedMask(empty, f"the part frame's background is not mid-grey (median RGB {seen})")
    cv2 = load_opencv()
    scale = min(part.shape[:2]) / REFERENCE_SIDE
    distance = np.linalg.norm(part.astype(np.float32) - background.astype(np.float32), axis=-1)
    distance = cv2.GaussianBlur(distance, (0, 0), max(0.6, settings.blur * scale))
    cut = _cut_components(distance, _hysteresis(distance, settings), settings.level)
    closed = cv2.morphologyEx(cut.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    mask = _drop_small(fill_holes(closed), max(4, round(settings.min_area * scale**2)))
    return ExtractedMask(mask, None if mask.any() else "nothing stands out from the part frame's background")


def agreement(image: Pixels, part: Pixels, mask: BoolMask) -> float:
    """How well the two frames agree inside the mask: 1 when equal, 0 when half the grey range apart or more.

    The part frame is meant to be the whole image cut out, so a low value means that the mask does not
    belong to the image.
    """
    if not mask.any():
        return 0.0
    difference = np.abs(image[mask].astype(np.float32) - part[mask].astype(np.float32)).mean()
    return float(max(0.0, 1 - difference / MID_GREY))


def _hysteresis(distance: Distance, settings: MaskSettings) -> BoolMask:
    """Components above the low threshold that reach the high one."""
    median = float(np.median(distance))
    noise = max(float(np.median(np.abs(distance - median))), settings.noise_floor)
    labels = load_opencv().connectedComponents((distance > median + settings.low * noise).astype(np.uint8))[1]
    strong = np.unique(labels[distance > median + settings.high * noise])
    return np.asarray(np.isin(labels, strong[strong > 0]))


def _cut_components(distance: Distance, mask: BoolMask, level: float) -> BoolMask:
    """Of each component, the pixels that reach `level` of its own 90th percentile above the background."""
    labels = load_opencv().connectedComponents(mask.astype(np.uint8))[1].ravel()
    above = (distance - np.median(distance)).ravel()
    inside = np.flatnonzero(labels)
    order = inside[np.argsort(labels[inside], kind="stable")]
    kept = np.zeros(labels.shape, np.bool_)
    for pixels in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        if len(pixels):
            kept[pixels] = above[pixels] >= level * np.percentile(above[pixels], 90)
    return kept.reshape(mask.shape)


def _drop_small(mask: Pixels, least: int) -> BoolMask:
    """The components of at least so many pixels."""
    cv2 = load_opencv()
    count, labels, facts, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    large = [number for number in range(1, count) if facts[number, cv2.CC_STAT_AREA] >= least]
    return np.asarray(np.isin(labels, large))
