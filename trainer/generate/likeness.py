"""How like two anomalous images are, so that a copy of a training image is known and a set's spread has a number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..masks.regions import BoolMask, Pixels, load_opencv
from .reference import TrainingPair

#: Side of the thumbnails that are compared.
SIDE = 48


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture with its anomaly.

    Attributes:
        image: (48, 48, 3) float32, grey levels.
        mask: (48, 48) float32, share of each pixel that is anomaly.
    """

    image: npt.NDArray[np.float32]
    mask: npt.NDArray[np.float32]


def thumbnail(image: Pixels, mask: BoolMask) -> Thumbnail:
    """The thumbnail of an image (H, W, 3) and its mask (H, W), by area means."""
    cv2 = load_opencv()
    size = {"dsize": (SIDE, SIDE), "interpolation": cv2.INTER_AREA}
    return Thumbnail(cv2.resize(image, **size).astype(np.float32), cv2.resize(mask.astype(np.float32), **size))


def distance(one: Thumbnail, other: Thumbnail) -> float:
    """Root mean square of the larger difference, in grey levels: over the whole pictures, or over both anomalies.

    Pictures of one fixed camera are alike but for the anomaly, and one anomaly can lie on two objects: a copy is alike
    in both.
    """
    square = np.square(one.image - other.image).mean(-1)
    weight = np.maximum(one.mask, other.mask)
    own = float((square * weight).sum() / max(float(weight.sum()), 1e-6))
    return float(np.sqrt(max(float(square.mean()), own)))


def mirrored(thumb: Thumbnail) -> Iterator[Thumbnail]:
    """The thumbnail as training may have shown it: both ways round, both ways up."""
    for rows in (slice(None), slice(None, None, -1)):
        for columns in (slice(None), slice(None, None, -1)):
            yield Thumbnail(thumb.image[rows, columns], thumb.mask[rows, columns])


@dataclass(frozen=True, slots=True)
class Nearest:
    """The most alike of several.

    Attributes:
        name: of its file.
        distance: in grey levels.
    """

    name: str
    distance: float


class TrainingLikeness:
    """Thumbnails of the training images, mirrored as training mirrors them.

    Args:
        training: the images.
    """

    def __init__(self, training: Sequence[TrainingPair]) -> None:
        self._shown = [(pair.name, shown) for pair in training for shown in mirrored(thumbnail(pair.image, pair.mask))]

    def nearest(self, thumb: Thumbnail) -> Nearest | None:
        """The training image most like it; None without training images."""
        found = [Nearest(name, distance(thumb, shown)) for name, shown in self._shown]
        return min(found, key=lambda nearest: nearest.distance, default=None)


class SetLikeness:
    """Thumbnails of the accepted pairs so far: how far each new one is from those before it."""

    def __init__(self) -> None:
        self._seen: list[Thumbnail] = []

    def add(self, thumb: Thumbnail) -> float | None:
        """Add one; its distance from the most alike before it, None for the first."""
        nearest = min((distance(thumb, seen) for seen in self._seen), default=None)
        self._seen.append(thumb)
        return nearest
