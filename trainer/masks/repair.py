"""Repair of anomaly masks where they are at fault: specks at the border, and haloes.

A decoder's flat grey wavers most along the picture's border, and a sampler that has not quite removed its noise leaves
a glow around what it painted. Both pass the thresholds of `anomaly` and belong to no anomaly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .regions import BoolMask, Pixels, components, load_opencv

#: A piece at the border of less than this share of the largest piece is a speck.
BORDER_SPECK = 0.25
#: Anywhere, a piece of less than this share of the largest one is a speck.
SPECK = 0.03
#: A pixel is strong from this share of its piece's own 90th percentile on; the rest is its rim.
STRONG = 0.7
#: Share of the side that a rim may be wide: a blurred edge, no halo.
RIM = 1 / 48


@dataclass(frozen=True, slots=True)
class Repaired:
    """A mask after its repair.

    Attributes:
        mask: (H, W); all false where nothing is left.
        removed: share of the mask's pixels that were at fault, 0 to 1.
    """

    mask: BoolMask
    removed: float


def repair_mask(part: Pixels, mask: BoolMask) -> Repaired:
    """Take specks and haloes out of the mask of a part frame.

    Args:
        part: (H, W, 3), 8-bit RGB on mid-grey.
        mask: (H, W), what `anomaly.extract_mask` found in it.
    """
    before = int(mask.sum())
    if not before:
        return Repaired(mask, 0.0)
    kept = without_halo(part, without_specks(mask))
    return Repaired(kept, 1 - int(kept.sum()) / before)


def without_specks(mask: BoolMask) -> BoolMask:
    """The mask (H, W) without pieces that are small beside the largest one, above all at the border."""
    pieces = components(mask)
    largest = max((int(piece.sum()) for piece in pieces), default=0)
    kept = np.zeros_like(mask)
    for piece in pieces:
        least = BORDER_SPECK if touches_border(piece) else SPECK
        if piece.sum() >= least * largest:
            kept |= piece
    return kept


def without_halo(part: Pixels, mask: BoolMask) -> BoolMask:
    """The mask (H, W) without what lies further than a blurred edge from the strong pixels of its piece."""
    cv2 = load_opencv()
    values = part.astype(np.float32)
    distance = np.linalg.norm(values - np.median(values.reshape(-1, 3), axis=0), axis=-1)
    reach = max(2, round(min(mask.shape) * RIM))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    kept = np.zeros_like(mask)
    for piece in components(mask):
        strong = piece & (distance >= STRONG * np.percentile(distance[piece], 90))
        kept |= piece & (cv2.dilate(strong.astype(np.uint8), kernel) > 0)
    return kept


def touches_border(mask: BoolMask) -> bool:
    """Whether the mask (H, W) has a pixel on the image's border."""
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())
