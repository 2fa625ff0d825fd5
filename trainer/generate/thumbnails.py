"""Small copies of pictures, made when these are written: a report holds many of them and needs no image library.

    python -m trainer.generate.thumbnails [--generated DIR] [--samples DIR] [--images DIR --masks DIR --output DIR]

The program makes those that an earlier version did not. Each lies in a folder `thumbnails` beside what it shows:
photographs as JPEG, masks as PNG of one bit. One that cannot be written is no reason to lose a picture.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..cli.run_command import run_command
from ..data.images import list_images, read_image
from ..data.mvtec import find_companion
from ..errors import TrainerError
from .manifest import IMAGE, MASK, PART, Manifest, pair_files

FOLDER = "thumbnails"
#: Longest sides in pixels: of a picture among many, and of a sheet, whose cells are to be told apart.
SIDE, SHEET_SIDE = 192, 720
#: Real images shown beside the generated ones, with their masks; a few-shot training has fewer.
REAL, REAL_MASK, MOST_REAL = "real", "real-mask", 24


def keep_small(image: Image.Image, path: Path, side: int = SIDE) -> None:
    """Write a photograph's small copy as JPEG, or nothing where the disk takes no more."""
    small = image.convert("RGB")
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    _write(small, path.with_suffix(".jpg"), "JPEG", quality=82)


def keep_small_mask(mask: Image.Image, path: Path) -> None:
    """Write a mask's small copy as PNG of one bit, or nothing where the disk takes no more."""
    small = mask.convert("L")
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    _write(small.point(lambda value: 255 * (value >= 64)).convert("1", dither=Image.Dither.NONE), path, "PNG")


def keep_small_pair(
    folder: Path, file: str, image: npt.NDArray[np.uint8], part: npt.NDArray[np.uint8], mask: Image.Image | None
) -> None:
    """Write the small copies of a generated pair, (H, W, 3) each, below `folder`."""
    keep_small(Image.fromarray(image), folder / FOLDER / IMAGE / file)
    keep_small(Image.fromarray(part), folder / FOLDER / PART / file)
    if mask is not None:
        keep_small_mask(mask, folder / FOLDER / MASK / file)


def keep_small_real(pairs: Iterable[tuple[Path, Path | None]], output: Path) -> None:
    """Write the small copies of real images, each with its mask or None, below `output`; unreadable ones are left."""
    for image, mask in list(pairs)[:MOST_REAL]:
        with suppress(TrainerError):
            keep_small(read_image(image), output / FOLDER / REAL / f"{image.stem}.jpg")
            if mask is not None:
                keep_small_mask(read_image(mask, "L"), output / FOLDER / REAL_MASK / f"{image.stem}.png")


def complete_pairs(generated: Path, most: int) -> int:
    """Make the missing small copies of the first `most` pairs; how many pairs had none."""
    made = 0
    for record in list(Manifest(generated).records.values())[:most]:
        image, part, mask = pair_files(generated, record)
        if (generated / FOLDER / IMAGE / record.file).with_suffix(".jpg").is_file():
            continue
        with suppress(TrainerError):
            keep_small(read_image(image), generated / FOLDER / IMAGE / record.file)
            keep_small(read_image(part), generated / FOLDER / PART / record.file)
            if mask.is_file():
                keep_small_mask(read_image(mask, "L"), generated / FOLDER / MASK / record.file)
            made += 1
    return made


def complete_sheets(samples: Path) -> None:
    """Make the missing small copies of sample sheets."""
    for path in list_images(samples):
        small = samples / FOLDER / path.name
        if not small.with_suffix(".jpg").is_file():
            with suppress(TrainerError):
                keep_small(read_image(path), small, SHEET_SIDE)


def _write(image: Image.Image, path: Path, kind: str, **options: int) -> None:
    """Whole or not at all, but not pushed to the disk: what can be made again is not worth waiting for."""
    aside = path.with_name(f".{path.name}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(aside, format=kind, **options)
        aside.replace(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.generate.thumbnails", description="Make small copies of pictures for a report."
    )
    parser.add_argument("--generated", type=Path, metavar="DIR", help="generated pairs")
    parser.add_argument("--most", type=int, default=60, metavar="N", help="pairs at most (60)")
    parser.add_argument("--samples", type=Path, metavar="DIR", help="sample sheets of a training")
    parser.add_argument("--images", type=Path, metavar="DIR", help="real images")
    parser.add_argument("--masks", type=Path, metavar="DIR", help="their masks, <image>_mask.png")
    parser.add_argument("--output", type=Path, metavar="DIR", help="where the real images' small copies go")
    given = parser.parse_args(sys.argv[1:] if arguments is None else arguments)

    def work() -> None:
        if given.generated is not None:
            complete_pairs(given.generated, given.most)
        if given.samples is not None:
            complete_sheets(given.samples)
        if given.images is not None and given.output is not None:
            masks = [find_companion(given.masks, one, suffixes=("_mask", "")) if given.masks else None
                     for one in list_images(given.images)]  # fmt: skip
            keep_small_real(zip(list_images(given.images), masks, strict=True), given.output)

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
