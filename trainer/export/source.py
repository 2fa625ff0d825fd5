"""What is exported: accepted pairs, real good images, and the real anomalies that nothing trained on."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..data.images import image_size, list_images, read_mask
from ..data.mvtec import AnomalyFolder, find_companion
from ..data.split import find_leaks, make_split
from ..errors import TrainerError
from ..files.reading import read_text
from ..generate.manifest import SETTINGS, Manifest, pair_files
from ..variant import Variant
from .settings import Protocol


@dataclass(frozen=True, slots=True)
class Pair:
    """An anomalous image and its mask, white = anomaly, of the same size."""

    image: Path
    mask: Path

    def load_mask(self) -> npt.NDArray[np.bool_]:
        """The mask (H, W), true = anomaly.

        Raises:
            TrainerError: it cannot be read.
        """
        return np.asarray(read_mask(self.mask)) >= 128


@dataclass(frozen=True, slots=True)
class ExportSource:
    """Everything that an export holds.

    Attributes:
        category: of the object.
        anomaly: type of the anomaly.
        generated: accepted generated pairs.
        train_good: real good images for training.
        test_good: real good images for testing.
        test: real anomalies for testing.
        trained_on: the real anomalies that the generator was trained on; never exported.
        leaks: training images that are tested on nevertheless, (training image, test image).
        weights: SHA-256 of the weights that generated the pairs.
        classes: all anomalies of the category by name, whatever is exported: a class has one number in every export.
    """

    category: str
    anomaly: str
    generated: tuple[Pair, ...]
    train_good: tuple[Path, ...]
    test_good: tuple[Path, ...]
    test: tuple[Pair, ...]
    trained_on: tuple[Path, ...]
    leaks: tuple[tuple[Path, Path], ...]
    weights: tuple[str, ...]
    classes: tuple[str, ...]

    @property
    def number(self) -> int:
        """The anomaly's class, from 0."""
        return self.classes.index(self.anomaly)

    @property
    def label(self) -> str:
        """What its files' names begin with, `02-stain`; the number keeps any two anomalies apart."""
        return f"{self.number:02d}-{self.anomaly}"


def gather(
    generated: Path, folder: AnomalyFolder, protocol: Protocol, *, trained_on: Path | None = None
) -> ExportSource:
    """Collect what is exported, every file looked at.

    Args:
        generated: folder of `generate`.
        folder: the real data.
        protocol: `strict` or `paper`; see `split`.
        trained_on: a trainer's `trainer_state.json` or a text file that names the training images, one a line;
            default: what the protocol says.

    Raises:
        TrainerError: nothing to export, a mask is missing, a size differs, or names that are not in the data.
    """
    manifest = Manifest(generated)
    pairs = tuple(Pair(*_image_and_mask(generated, manifest, index)) for index in accepted_indexes(manifest))
    split = make_split(folder.images, protocol, _variant(generated))
    train, test = split.train, split.test
    if trained_on is not None:
        train = read_training_list(trained_on, folder.images)
        if protocol == "strict":
            trained = set(train)
            test = tuple(path for path in list_images(folder.images) if path not in trained)
            if not test:
                raise TrainerError(f"{trained_on} names every image of {folder.images}; nothing is left to test on.")
    if protocol == "strict":
        test = of_other_photographs(folder, train, test)
    source = ExportSource(
        folder.category,
        folder.anomaly,
        pairs,
        list_images(folder.train_good),
        list_images(folder.test_good),
        tuple(Pair(image, real_mask(folder, image)) for image in test),
        train,
        find_leaks(train, test),
        tuple(sorted({record.weights for record in manifest.accepted()})),
        anomalies_of(folder),
    )
    for pair in (*source.generated, *source.test):
        _check_size(pair)
    return source


def anomalies_of(folder: AnomalyFolder) -> tuple[str, ...]:
    """The category's anomalies by name: the folders of `test` other than `good`, and the one that is asked for."""
    found = {path.name for path in folder.images.parent.iterdir() if path.is_dir() and not path.name.startswith(".")}
    return tuple(sorted((found - {"good"}) | {folder.anomaly}))


def of_other_photographs(folder: AnomalyFolder, train: tuple[Path, ...], test: tuple[Path, ...]) -> tuple[Path, ...]:
    """The test images without squares that an import cut out of a photograph of which another square trains.

    Raises:
        TrainerError: nothing is left.
    """
    try:
        files = json.loads(read_text(folder.manifest))["files"]
        origins = {folder.root / folder.category / row["image"]: row["from"] for row in files if row["box"]}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return test  # not imported, or somebody else's file
    trained = {origins.get(path) for path in train} - {None}
    left = tuple(path for path in test if origins.get(path) not in trained)
    if not left:
        raise TrainerError(
            f"All images of {folder.images} are squares of photographs that trained; nothing is left to test on."
        )
    return left


def accepted_indexes(manifest: Manifest) -> list[int]:
    """Indexes of pairs with a mask.

    Raises:
        TrainerError: there are none.
    """
    accepted = manifest.accepted()
    found = [one.index for one in accepted if one.mask_area is not None or (one.review or {}).get("mask")]
    if not found:
        seen = f"{len(manifest.records)} records, none of them accepted with a mask" if manifest.records else "none"
        raise TrainerError(
            f"{manifest.folder} has no generated pairs to export ({seen}). Give a folder of `dualano-doctor generate`."
        )
    return found


def read_training_list(path: Path, images: Path) -> tuple[Path, ...]:
    """The training images that a file names, as files of `images`.

    Raises:
        TrainerError: unreadable, or a name that is not there.
    """
    try:
        text = read_text(path)
        names = json.loads(text)["run"]["files"] if path.suffix == ".json" else text.split("\n")
        found = tuple(images / Path(name.strip()).name for name in names if name.strip())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TrainerError(
            f"{path} is not a list of training images ({error!r}): expected a trainer_state.json, "
            "or a text file with one name a line."
        ) from error
    missing = [file.name[:80] for file in found if not os.path.isfile(file)]  # noqa: PTH113 - no name is too long for it
    if missing or not found:
        what = f"names {', '.join(missing[:5])}, which {images} does not hold" if missing else "names no image"
        raise TrainerError(f"{path} {what}. Give the list of the run that made these weights.")
    return found


def _image_and_mask(folder: Path, manifest: Manifest, index: int) -> tuple[Path, Path]:
    """A generated pair's files, which are there."""
    image, _, mask = pair_files(folder, manifest.records[index])
    for path in (image, mask):
        if not path.is_file():
            raise TrainerError(f"{path} is in the manifest but not there. Run the same `generate` command again.")
    return image, mask


def real_mask(folder: AnomalyFolder, image: Path) -> Path:
    """The mask that belongs to a real anomaly.

    Raises:
        TrainerError: it is not there.
    """
    mask = find_companion(folder.masks, image, suffixes=("_mask", ""))
    if mask is None:
        raise TrainerError(f"{image} has no anomaly mask: expected {folder.masks / f'{image.stem}_mask.png'}.")
    return mask


def _check_size(pair: Pair) -> None:
    image, mask = image_size(pair.image), image_size(pair.mask)
    if image != mask:
        raise TrainerError(
            f"The mask {pair.mask} is {mask[0]} x {mask[1]} pixels, its image {pair.image} "
            f"{image[0]} x {image[1]}; expected the same size."
        )


def _variant(generated: Path) -> Variant:
    """The variant that made the pairs, as noted beside them."""
    try:
        noted = json.loads(read_text(generated / SETTINGS))["variant"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "bcm"
    return "dual" if noted == "dual" else "bcm"
