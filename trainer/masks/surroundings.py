"""What an image would show at a mask if it went on there as around it, and how much of an anomaly it shows instead."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .regions import BoolMask, Pixels, load_opencv

Values = npt.NDArray[np.float32]
#: Longest side at which surroundings are continued; they are smooth, so more would only take time.
WORKING_SIDE = 128
#: Pixels at that side by which the mask is widened, so that an anomaly's blurred rim is no surroundings.
MARGIN = 3


def continued(image: Pixels, mask: BoolMask) -> Values:
    """The image (H, W, 3) with its surroundings continued into the mask: float32, grey levels.

    By A. Telea, An Image Inpainting Technique Based on the Fast Marching Method, 2004, as OpenCV has it.
    """
    cv2 = load_opencv()
    height, width = mask.shape
    scale = min(1.0, WORKING_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    hole = (cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0).astype(np.uint8)
    hole = cv2.dilate(hole, np.ones((2 * MARGIN + 1, 2 * MARGIN + 1), np.uint8))
    filled = cv2.inpaint(np.ascontiguousarray(small), hole, 4, cv2.INPAINT_TELEA)
    smooth = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    return np.where(mask[..., None], smooth, image.astype(np.float32))


def contrast(part: Pixels, beside: Values, mask: BoolMask) -> float:
    """The part's root mean square difference from what would lie there without it, in grey levels, inside the mask."""
    return float(np.sqrt(np.mean(np.square(part[mask].astype(np.float32) - beside[mask]))))


def shown_share(image: Pixels, part: Pixels, beside: Values, mask: BoolMask) -> float:
    """How much of what the part shows the image shows too: 1 = all of it, 0 = what would lie there without it.

    The least squares factor of the part's difference from `beside` in the image's: <e, o> / <e, e> with
    e = part - beside and o = image - beside, inside the mask. It does not depend on how strong the anomaly is.

    Args:
        image: (H, W, 3), whole image.
        part: (H, W, 3), part frame.
        beside: (H, W, 3), what would lie there without an anomaly, in grey levels.
        mask: (H, W), not empty.
    """
    expected = part[mask].astype(np.float64) - beside[mask]
    observed = image[mask].astype(np.float64) - beside[mask]
    return float((expected * observed).sum() / max(float(np.square(expected).sum()), 1e-9))
