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

    anomalib 2.7 pairs images and masks by sort order, and `10_mask` comes before `1_mask` where `1.` comes before `10.`.
    """
    if not all(stem.isascii() and stem.isdigit() for stem in stems) or len({int(stem) for stem in stems}) < len(stems):
        return list(stems)
    width = max(map(len, stems), default=0)
    return [stem.zfill(width) for stem in stems]


def copy_pairs(pairs: Sequence[Pair], images: Path, masks: Path, *, mask_suffix: str) -> None:
    """Copy images under their own (padded) names; write their masks as PNG with values 0 and 255."""
    masks.mkdir(parents=True, exist_ok=True)
    for pair, stem in zip(pairs, padded([pair.image.stem for pair in pairs]), strict=True):
        copy(pair.image, images / f"{stem}{pair.image.suffix}")
        write_png(mask_image(pair.load_mask()), masks / f"{stem}{mask_suffix}.png")


def detection_images(source: ExportSource, part: str) -> Iterator[tuple[str, Path, Pair | None]]:
    """The images of one part of a detection data set: (file name in the export, file, pair or None if good).

    Args:
        source: what is exported.
        part: `train` (generated pairs and real good images) or `val` (real images that nothing trained on).
    """
    pairs, good = (source.generated, source.train_good) if part == "train" else (source.test, source.test_good)
    prefix = "gen" if part == "train" else source.anomaly
    for pair in pairs:
        yield f"{prefix}_{pair.image.name}", pair.image, pair
    for path in good:
        yield f"good_{path.name}", path, None
