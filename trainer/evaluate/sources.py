"""What is evaluated: generated pairs, the real anomalies that trained, and those that nothing trained on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..data.images import list_images
from ..data.mvtec import AnomalyFolder, find_companion
from ..errors import TrainerError
from ..export.source import Pair, accepted_indexes, of_other_photographs, read_training_list, real_mask
from ..generate.manifest import IMAGE, MANIFEST, MASK, Manifest, pair_files
from .protocols import Protocol


@dataclass(frozen=True, slots=True)
class AnomalyData:
    """One anomaly of a category.

    Attributes:
        name: of the anomaly.
        generated: generated pairs, by name.
        trained: the real anomalies that the generator was trained on.
        test: the real anomalies that are tested on.
        real: all real anomalies, trained on or not.
    """

    name: str
    generated: tuple[Pair, ...]
    trained: tuple[Pair, ...]
    test: tuple[Pair, ...]
    real: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class CategoryData:
    """A category with its anomalies and good images.

    Attributes:
        name: of the category.
        anomalies: those that are evaluated, by name.
        train_good, test_good: real good images.
        untested: anomalies of the data for which there are no generated pairs.
    """

    name: str
    anomalies: tuple[AnomalyData, ...]
    train_good: tuple[Path, ...]
    test_good: tuple[Path, ...]
    untested: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A folder of generated pairs, and of what they are."""

    generated: Path
    category: str
    anomaly: str
    trained_on: Path | None = None


def named(
    generated: Sequence[Path], categories: Sequence[str], anomalies: Sequence[str], trained_on: Sequence[Path]
) -> list[Named]:
    """What the flags name: each --generated with its category and anomaly, or a folder <category>/<anomaly> of them.

    Raises:
        TrainerError: the flags do not go together, or nothing is there.
    """
    if len(trained_on) not in (0, len(generated)):
        raise TrainerError(
            f"--trained_on is given {len(trained_on)} times, --generated {len(generated)}: one for each."
        )
    lists: list[Path | None] = [*trained_on] or [None] * len(generated)
    if not anomalies:
        if trained_on:
            raise TrainerError("--trained_on goes with --category and --anomaly.")
        found = [row for folder in generated for row in _below(folder) if not categories or row.category in categories]
        if not found:
            wanted = f" of {', '.join(categories)}" if categories else ""
            raise TrainerError(
                f"No generated pairs{wanted} in {', '.join(map(str, generated))}: expected "
                "<category>/<anomaly>/image and "
                "mask below it, or a folder of `dualano-doctor generate` with --category and --anomaly."
            )
        return found
    if len(categories) not in (1, len(generated)) or len(anomalies) != len(generated):
        raise TrainerError(
            f"--generated is given {len(generated)} times, --anomaly {len(anomalies)}, --category {len(categories)}: "
            "give "
            "one --anomaly for each, in order, and one --category for all or for each."
        )
    every = [*categories] * (len(generated) if len(categories) == 1 else 1)
    rows = [Named(*row) for row in zip(generated, every, anomalies, lists, strict=True)]
    twice = len({(row.category, row.anomaly) for row in rows}) < len(rows)
    if twice:
        raise TrainerError("One anomaly of a category is named twice.")
    return rows


def _below(folder: Path) -> list[Named]:
    """The folders `<category>/<anomaly>` with pairs below one."""
    if not folder.is_dir():
        raise TrainerError(f"{folder} is not a folder. Give the folder of generated pairs.")
    if _has_pairs(folder):
        raise TrainerError(f"{folder} holds pairs of one anomaly: say which with --category and --anomaly.")
    places = sorted(place for place in folder.glob("*/*") if _has_pairs(place))
    return [Named(place, place.parent.name, place.name) for place in places]


def _has_pairs(folder: Path) -> bool:
    return (folder / MANIFEST).is_file() or ((folder / IMAGE).is_dir() and (folder / MASK).is_dir())


def gather(rows: Sequence[Named], dataset: Path, protocol: Protocol) -> list[CategoryData]:
    """All that is evaluated, by category.

    Raises:
        TrainerError: nothing generated or real is there, a mask is missing, or nothing is left to test on.
    """
    found = []
    for category in dict.fromkeys(row.category for row in rows):
        own = sorted((row for row in rows if row.category == category), key=lambda row: row.anomaly)
        folder = AnomalyFolder(dataset, category, own[0].anomaly)
        if not (dataset / category / "test").is_dir():
            raise TrainerError(
                f"{dataset / category / 'test'} is not there; expected MVTec AD's layout below --dataset."
            )
        others = {path.name for path in folder.images.parent.iterdir() if path.is_dir()} - {"good"}
        found.append(
            CategoryData(
                category,
                tuple(_anomaly(row, dataset, protocol) for row in own),
                list_images(folder.train_good),
                list_images(folder.test_good),
                tuple(sorted(name for name in others - {row.anomaly for row in own} if not name.startswith("."))),
            )
        )
    return found


def _anomaly(row: Named, dataset: Path, protocol: Protocol) -> AnomalyData:
    folder = AnomalyFolder(dataset, row.category, row.anomaly)
    files = tuple(sorted(list_images(folder.images), key=_number))
    floor = len(files) // 3
    if row.trained_on is not None:
        train = read_training_list(row.trained_on, folder.images)
    else:
        train = files[: floor if protocol.trained_share == "floor" else -(-len(files) // 3)]
    if protocol.trained_share == "floor":
        test = files[floor:]
    else:
        trained = set(train)
        test = of_other_photographs(folder, train, tuple(path for path in files if path not in trained))
    if not train or not test:
        raise TrainerError(
            f"{folder.images} holds {len(files)} images: {len(train)} to train and {len(test)} to test on. Both are "
            "needed; three images are the least."
        )
    pairs = {path: Pair(path, real_mask(folder, path)) for path in files}
    return AnomalyData(
        row.anomaly,
        generated_pairs(row.generated),
        tuple(pairs[path] for path in train if path in pairs),
        tuple(pairs[path] for path in test),
        tuple(pairs.values()),
    )


def generated_pairs(folder: Path) -> tuple[Pair, ...]:
    """Accepted pairs of `generate`, or of any folder with `image` and `mask` under the same names.

    Raises:
        TrainerError: there are none, or a file is missing.
    """
    if (folder / MANIFEST).is_file():
        manifest = Manifest(folder)
        files = [pair_files(folder, manifest.records[index]) for index in accepted_indexes(manifest)]
        pairs = [Pair(image, mask) for image, _, mask in files]
    elif (folder / IMAGE).is_dir():
        images = sorted(list_images(folder / IMAGE), key=_number)
        masks = [find_companion(folder / MASK, image, suffixes=("", "_mask")) for image in images]
        without = [image for image, mask in zip(images, masks, strict=True) if mask is None]
        if without:
            raise TrainerError(f"{len(without)} images have no mask in {folder / MASK}, {without[0].name} first.")
        pairs = [Pair(image, mask) for image, mask in zip(images, masks, strict=True) if mask]
    else:
        raise TrainerError(
            f"{folder} holds no generated pairs: expected manifest.jsonl of `dualano-doctor generate`, or the folders "
            f"{IMAGE} and {MASK}."
        )
    gone = [path for pair in pairs for path in (pair.image, pair.mask) if not os.path.isfile(path)]  # noqa: PTH113
    if gone:
        raise TrainerError(f"{gone[0]} is in the manifest but not there. Run the same `generate` command again.")
    return tuple(pairs)


def _number(path: Path) -> tuple[int, str]:
    """By the number that a name begins with, as the projects' scripts sort; others by name."""
    digits = path.stem[: len(path.stem) - len(path.stem.lstrip("0123456789"))]
    return (int(digits[:12]) if digits else 0, path.name)
