"""What both kinds of masks share: regions of a picture, and OpenCV, without which there are none."""

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
