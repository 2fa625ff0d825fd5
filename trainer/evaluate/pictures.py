"""Pictures and masks as arrays of one size, read once for all trainings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from ..data.images import read_image, read_mask
from ..export.source import Pair
from ..masks.regions import load_opencv

Pixels = npt.NDArray[np.uint8]
Resize = Literal["opencv", "pillow"]


def resized(image: Image.Image, pixels: int, how: Resize = "pillow") -> Pixels:
    """A picture (H, W, 3) or a mask (H, W) squeezed into a square, as all the projects do."""
    if how == "opencv":
        cv2 = load_opencv()
        return np.asarray(cv2.resize(np.asarray(image), (pixels, pixels)))
    return np.asarray(image.resize((pixels, pixels), Image.Resampling.BILINEAR))


def picture(path: Path, pixels: int, how: Resize = "pillow") -> Tensor:
    """uint8 (3, P, P)."""
    return torch.from_numpy(resized(read_image(path), pixels, how).copy()).permute(2, 0, 1)


def mask(path: Path, pixels: int, how: Resize = "pillow") -> Tensor:
    """uint8 (P, P), grey where an edge was resized."""
    return torch.from_numpy(resized(read_mask(path), pixels, how).copy())


def pictures(paths: Sequence[Path], pixels: int, how: Resize = "pillow") -> Tensor:
    """uint8 (N, 3, P, P)."""
    found = [picture(path, pixels, how) for path in paths]
    return torch.stack(found) if found else torch.zeros((0, 3, pixels, pixels), dtype=torch.uint8)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Anomalous pictures with their masks.

    Attributes:
        images: uint8 (N, 3, P, P).
        masks: uint8 (N, P, P), 255 = anomaly.
    """

    images: Tensor
    masks: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def first(self, most: int | None) -> Pairs:
        """The first `most` of them, or all."""
        return self if most is None else Pairs(self.images[:most], self.masks[:most])


def read_pairs(pairs: Sequence[Pair], pixels: int, how: Resize = "pillow") -> Pairs:
    """Pairs from their files."""
    masks = [mask(pair.mask, pixels, how) for pair in pairs]
    none = torch.zeros((0, pixels, pixels), dtype=torch.uint8)
    return Pairs(pictures([pair.image for pair in pairs], pixels, how), torch.stack(masks) if masks else none)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What is tested on, good pictures last.

    Attributes:
        pairs: pictures and masks, black for good ones.
        labels: (N,), 1 = anomalous.
        names: of the files.
    """

    pairs: Pairs
    labels: npt.NDArray[np.int64]
    names: tuple[str, ...]


def read_tests(anomalous: Sequence[Pair], good: Sequence[Path], pixels: int, how: Resize) -> HeldOut:
    """The test set from its files."""
    found = read_pairs(anomalous, pixels, how)
    clean = pictures(good, pixels, how)
    black = torch.zeros((len(clean), pixels, pixels), dtype=torch.uint8)
    labels = np.array([1] * len(found) + [0] * len(clean))
    names = [f"{pair.image.parent.name}/{pair.image.name}" for pair in anomalous]
    names += [f"{path.parent.name}/{path.name}" for path in good]
    return HeldOut(Pairs(torch.cat([found.images, clean]), torch.cat([found.masks, black])), labels, tuple(names))
