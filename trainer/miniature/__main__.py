"""A miniature base model and data set, so that everything can be tried in seconds and without downloads.

    python -m trainer.miniature --model DIR --data DIR --foreground DIR [--seed N] [--size 64 | --trained CATEGORY]

Without --trained the weights are random: what comes out of training on them proves that training works, and is no
picture of anything. With it the base model is one that learnt drawn objects and anomalies at 128 px (weights/CARD.md),
and the data are of a category that it never saw.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..cli.run_command import run_command
from .make import UNSEEN_CATEGORIES, MiniatureSettings, make_miniature


def parse_arguments(arguments: Sequence[str]) -> MiniatureSettings:
    """Settings from a command line."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.miniature", description="Make a miniature base model and data set."
    )
    parser.add_argument("--model", type=Path, required=True, help="new folder for the base model")
    parser.add_argument("--data", type=Path, required=True, help="new folder for the data set")
    parser.add_argument("--foreground", type=Path, required=True, help="new folder for the object masks")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--size", type=int, default=64, help="pixels, a multiple of 64; default: %(default)s")
    parser.add_argument(
        "--trained", choices=UNSEEN_CATEGORIES, help="the trained base model, 128 px, and data of this category"
    )
    return MiniatureSettings(**vars(parser.parse_args(arguments)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    settings = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    return run_command(lambda: make_miniature(settings))


if __name__ == "__main__":
    sys.exit(main())
