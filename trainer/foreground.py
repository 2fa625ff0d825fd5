"""Object masks for the background module: white = object, soft edge, the image's name and size.

    python -m trainer.foreground --images DIR --output DIR [--method threshold|whole|rembg]

`threshold` needs no trained network and suits an object on a plain background: the border of the image tells
what the background looks like, and the object is what differs from it. Holes are filled: a dark defect inside
the object must not pass for background, since the condition would then show it.
`whole` is for textures, which have no background: masks that are white throughout.
`rembg` runs U-2-Net, which upstream used, where the package `rembg` and its weights are installed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .cli.run_command import run_command
from .masks.objects import make_object_masks


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.foreground", description="Make object masks for the background module."
    )
    parser.add_argument("--images", type=Path, required=True, help="folder of images")
    parser.add_argument("--output", type=Path, required=True, help="new folder for the masks")
    parser.add_argument(
        "--method", choices=("threshold", "whole", "rembg"), default="threshold", help="default: threshold"
    )
    given = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    return run_command(lambda: make_object_masks(given.images, given.output, given.method))


if __name__ == "__main__":
    sys.exit(main())
