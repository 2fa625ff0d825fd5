"""What generated pairs are held against: the images that trained, as training saw them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from ..data.dataset import TrainingSet
from ..errors import TrainerError
from ..masks.anomaly import MID_GREY
from ..masks.regions import BoolMask, Pixels
from ..run_folder.checkpoints import checkpoint_folders, read_header


@dataclass(frozen=True, slots=True)
class TrainingPair:
    """One training image at the side of the generated ones.

    Attributes:
        name: of its file.
        image: (H, W, 3).
        mask: (H, W), true = anomaly.
    """

    name: str
    image: Pixels
    mask: BoolMask


def training_names(images: Path, masks: Path | None, trained: Collection[str] = ()) -> tuple[str, ...]:
    """File names of the images that trained: those of `trained` that are there, or else the trainer's usual choice.

    Raises:
        TrainerError: an image has no mask, or sizes differ.
    """
    data = _training_set(images, masks, 1, every=bool(trained))
    return tuple(path.name for path in data.files if not trained or path.name in trained)


def read_training_pairs(
    images: Path, masks: Path | None, side: int, names: Collection[str]
) -> tuple[TrainingPair, ...]:
    """The images of these names, cut and sized as training does it without chance.

    Args:
        images: `<root>/<category>/test/<anomaly>`, or any folder where `masks` is given.
        masks: folder of their anomaly masks, or None for `<root>/<category>/ground_truth/<anomaly>`.
        side: of generated images, in pixels.
        names: of `training_names`.

    Raises:
        TrainerError: an image or mask cannot be read.
    """
    data = _training_set(images, masks, side, every=True)
    return tuple(_pair(data, index) for index, path in enumerate(data.files) if path.name in names)


def trained_files(weights: Path) -> frozenset[str]:
    """Names of the images that trained a weight file, from the checkpoints beside it; empty where nothing says it."""
    folder = weights if weights.is_dir() else weights.parent
    for checkpoint in reversed(checkpoint_folders(folder)):
        try:
            return frozenset(PurePosixPath(str(name)).name for name in read_header(checkpoint)[2]["files"])
        except (TrainerError, KeyError, TypeError):
            continue
    return frozenset()


def _training_set(images: Path, masks: Path | None, side: int, *, every: bool) -> TrainingSet:
    selection = "all" if every else "sorted"
    return TrainingSet(images, condition_dir=None, resolution=side, variant="dual", selection=selection, mask_dir=masks)


def _pair(data: TrainingSet, index: int) -> TrainingPair:
    crop = data.square(index, None, hflip=False, vflip=False)
    arrays = data.tensors(index, hflip=False, vflip=False, crop=crop)
    # No 8-bit grey is mid-grey exactly, so the part differs from 0 wherever its mask is.
    mask = np.abs(arrays["part"]).max(0) > 0
    if not mask.any():
        raise TrainerError(f"{data.files[index]}: nothing is left of its anomaly mask at {data.resolution} pixels.")
    return TrainingPair(data.files[index].name, _pixels(arrays["image"]), mask)


def _pixels(array: npt.NDArray[np.float32]) -> Pixels:
    """(3, H, W) in [-1, 1] as 8-bit (H, W, 3)."""
    return np.clip(np.rint((array.transpose(1, 2, 0) + 1) * np.float32(MID_GREY)), 0, 255).astype(np.uint8)
