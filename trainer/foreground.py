"""`python -m trainer.foreground`: object masks for the background module; masks/objects.py says how.

python -m trainer.foreground --images DIR --output DIR [--method threshold|rembg|whole]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .cli.run_command import run_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.foreground", description="Make object masks for the background module."
    )
    parser.add_argument("--images", type=Path, required=True, help="folder of images")
    parser.add_argument("--output", type=Path, required=True, help="new folder for the masks")
    parser.add_argument(
        "--method",
        choices=("threshold", "rembg", "whole"),
        default="threshold",
        help="threshold (default): an object on a plain background; rembg: U-2-Net; whole: all of the image is object",
    )
    given = parser.parse_args(sys.argv[1:] if arguments is None else arguments)

    def work() -> None:
        from .masks.objects import make_object_masks  # here, so that --help needs the standard library alone

        make_object_masks(given.images, given.output, given.method)

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
