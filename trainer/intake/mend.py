"""Copies of masks that say in black and white what they said in another way; the user's own files stay as they are.

    python -m trainer.intake.mend --source ROOT --output NEW --kind mask --folder CATEGORY/ground_truth/ANOMALY

NEW looks like ROOT: everything in it is a link to what is there, but for the masks of the folders named. Of those, one
that training would misread is written anew, the others are links as well. `dualano-doctor fix` starts this.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageOps

from ..cli.run_command import run_command
from ..content.verdict import MENDABLE, judge_anomaly_mask, judge_object_mask
from ..data.images import SUFFIXES, read_image, write_png
from ..data.measure import measure_mask
from ..errors import TrainerError
from ..files.folders import made_aside
from ..masks.regions import mask_image
from .pixels import read_marks
from .record import place

JUDGES = {"mask": judge_anomaly_mask, "object": judge_object_mask}


def mend(source: Path, output: Path, kind: str, folders: Sequence[str], *, invert: bool) -> int:
    """Make `output`, whole or not at all. Returns how many masks were written anew.

    Raises:
        TrainerError: a folder or a mask cannot be read, or nothing was to be mended.
    """
    wanted = [PurePosixPath(folder) for folder in folders]
    number = 0
    with made_aside(output) as aside:
        try:
            _mirror(source, aside, wanted, PurePosixPath())
            for folder in wanted:
                (aside / folder).mkdir(parents=True, exist_ok=True)
                for file in sorted((source / folder).iterdir()):
                    mended = _mended(file, kind, invert=invert)
                    if mended is None:
                        place(file, aside / folder / file.name, copies=False)
                        continue
                    write_png(mended, aside / folder / f"{file.stem}.png")
                    number += 1
        except OSError as error:
            raise TrainerError(f"Cannot make {output}: {error}. Nothing was written.") from error
        if not number:
            raise TrainerError(f"No mask in {', '.join(folders)} of {source} needs mending. Nothing was written.")
    return number


def _mirror(source: Path, target: Path, wanted: Sequence[PurePosixPath], here: PurePosixPath) -> None:
    """Links to everything of `source` but the wanted folders, whose parents are made as folders."""
    for entry in sorted((source / here).iterdir()):
        name = here / entry.name
        if entry.name.startswith(".") or name in wanted:
            continue
        if any(name in folder.parents for folder in wanted):
            (target / name).mkdir()
            _mirror(source, target, wanted, name)
        else:
            place(entry, target / name, copies=False)


def _mended(file: Path, kind: str, *, invert: bool) -> Image.Image | None:
    """The mask in black and white, None where it is fine, no image, or what it means is not certain."""
    if file.suffix.lower() not in SUFFIXES or file.name.startswith("."):
        return None
    numbers = measure_mask(file)
    verdict = JUDGES[kind](numbers)
    if verdict is None or not (verdict.kind in MENDABLE or (verdict.kind == "inverted" and invert)):
        return None
    if verdict.kind == "ignored-levels" and not numbers.coloured:
        return None
    if verdict.kind == "inverted":
        return ImageOps.invert(mask_image(np.asarray(read_image(file, "L")) >= 128))
    if verdict.kind == "transparent-object":
        return read_image(file, "RGBA").getchannel("A")
    return mask_image(read_marks(file, labels=verdict.kind == "small-values"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.intake.mend", description="Masks in black and white, as copies.", allow_abbrev=False
    )
    parser.add_argument("--source", type=Path, required=True, help="root of a data set, or of object masks")
    parser.add_argument("--output", type=Path, required=True, help="the root to make")
    parser.add_argument("--kind", choices=tuple(JUDGES), required=True)
    parser.add_argument("--folder", action="append", required=True, help="below the root, with the masks to mend")
    parser.add_argument("--invert", action="store_true", help="masks are known to have black and white exchanged")
    given = parser.parse_args(sys.argv[1:] if arguments is None else arguments)

    def work() -> None:
        number = mend(given.source, given.output, given.kind, given.folder, invert=given.invert)
        print(f"{given.output}: {number} masks written anew; everything else is a link to {given.source}")

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
