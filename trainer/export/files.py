"""Copies for an export: real and generated files under names that cannot collide."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..data.images import write_png
from ..errors import TrainerError
from ..masks.regions import mask_image
from .source import ExportSource, Pair


def copy(source: Path, target: Path) -> None:
    """Copy one file, making its folder.

    Raises:
        TrainerError: the disk is full or a file cannot be read.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        raise TrainerError(f"Cannot copy {source} to {target}: {error.strerror}.") from error


def copy_all(sources: Sequence[Path], folder: Path) -> None:
    """Copy files into `folder` under their own names."""
    for source in sources:
        copy(source, folder / source.name)


def padded(stems: Sequence[str]) -> list[str]:
    """The names with numbers of equal length where all are numbers, so that they sort alike with any ending.

    anomalib 2.7 pairs images and masks by sort order: `10_mask` comes before `1_mask`, and `1.` before `10.`.
    """
    if not all(stem.isascii() and stem.isdigit() for stem in stems) or len({int(stem) for stem in stems}) < len(stems):
        return list(stems)
    width = max(map(len, stems), default=0)
    return [stem.zfill(width) for stem in stems]


def copy_pairs(pairs: Sequence[Pair], images: Path, masks: Path, *, prefix: str = "", mask_suffix: str) -> None:
    """Copy images under their own (padded) names behind `prefix`; write their masks as PNG with values 0 and 255."""
    masks.mkdir(parents=True, exist_ok=True)
    for pair, stem in zip(pairs, padded([pair.image.stem for pair in pairs]), strict=True):
        copy(pair.image, images / f"{prefix}{stem}{pair.image.suffix}")
        write_png(mask_image(pair.load_mask()), masks / f"{prefix}{stem}{mask_suffix}.png")


def detection_images(sources: Sequence[ExportSource], part: str) -> Iterator[tuple[str, Path, Pair | None, int]]:
    """The images of one part of a detection data set: (file name in the export, file, pair or None if good, class).

    Args:
        sources: what is exported, one for each anomaly.
        part: `train` (generated pairs and real good images) or `val` (real images that nothing trained on).
    """
    train = part == "train"
    for source in sources:
        for pair in source.generated if train else source.test:
            name = f"{'gen_' if train else ''}{source.label}_{pair.image.name}"
            yield name, pair.image, pair, source.number
    for path in sources[0].train_good if train else sources[0].test_good:
        yield f"good_{path.name}", path, None, 0
