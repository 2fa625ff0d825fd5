"""`python -m trainer.masks`: the anomaly masks of a folder of part frames.

python -m trainer.masks --fg DIR --output DIR
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..cli.run_command import run_command
from ..files.folders import made_aside


def mask_folder(parts: Path, output: Path) -> None:
    """Write the mask of every part frame in `parts`, under the same name as PNG; say which have none."""
    import numpy as np  # here, so that --help needs the standard library alone

    from ..data.images import list_images, read_image, refuse_same_stems, write_png
    from .anomaly import extract_mask
    from .regions import load_opencv, mask_image

    load_opencv()
    files = list_images(parts)
    refuse_same_stems(files)
    with made_aside(output) as folder:
        kept = 0
        for path in files:
            found = extract_mask(np.asarray(read_image(path)))
            if found.rejected:
                print(f"{path.name}: no mask, {found.rejected}")
                continue
            write_png(mask_image(found.mask), folder / f"{path.stem}.png")
            kept += 1
    print(f"{kept} of {len(files)} masks in {output}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.masks",
        description="Make anomaly masks from part frames (the fg folder of generated pairs), upstream's included.",
    )
    parser.add_argument("--fg", type=Path, required=True, help="folder of part frames on mid-grey")
    parser.add_argument("--output", type=Path, required=True, help="new folder for the masks")
    given = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    return run_command(lambda: mask_folder(given.fg, given.output))


if __name__ == "__main__":
    sys.exit(main())
