"""Anomaly masks from the part frame, without any trained network.

The part frame shows the anomaly on a flat background. Its distance from that background is thresholded twice
(hysteresis, in units of the background's own noise), then each component is cut at a share of its own
brightness, so that the soft rim of a strong anomaly is left out and a weak anomaly is kept. Unlike Otsu's
threshold, this can say that there is nothing, and then the sample is no use.

    python -m trainer.masks --fg DIR --output DIR
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..errors import TrainerError

Pixels = npt.NDArray[np.uint8]


Distance = npt.NDArray[np.float32]


BoolMask = npt.NDArray[np.bool_]


def load_opencv() -> Any:
    """OpenCV.

    Raises:
        TrainerError: it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise TrainerError(
            f"Masks need OpenCV, which does not load here ({error}). "
            "Install opencv-python-headless into this environment."
        ) from error
    return cv2


def components(mask: npt.NDArray[Any]) -> list[BoolMask]:
    """The 8-connected components of a mask."""
    count, labels = load_opencv().connectedComponents(mask.astype(np.uint8), connectivity=8)
    return [labels == number for number in range(1, count)]


def fill_holes(mask: Pixels) -> Pixels:
    """The 8-bit mask with everything that it encloses at its largest value."""
    cv2 = load_opencv()
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(mask.copy(), outlines, -1, int(mask.max()), thickness=cv2.FILLED))


def mask_image(mask: BoolMask) -> Image.Image:
    """A mask as a grey image, 255 = anomaly."""
    return Image.fromarray(mask.astype(np.uint8) * 255)
