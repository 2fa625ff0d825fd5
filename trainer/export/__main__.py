"""Export generated pairs, with the real images to judge them on, for other tools.

    python -m trainer.export --generated DIR --dataset MVTEC_ROOT --category C --anomaly A \
        --format mvtec|anomalib|coco|yolo --output DIR [--split strict|paper]

Several anomalies go into one export by repeating --anomaly and --generated, in the same order.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..cli.flag_types import folder_name
from ..cli.run_command import run_command
from .settings import ExportSettings


def parse_arguments(arguments: Sequence[str]) -> ExportSettings:
    """Settings from a command line."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.export", description=(__doc__ or "").split("\n")[0], allow_abbrev=False
    )
    add = parser.add_argument
    add(
        "--generated",
        type=Path,
        action="append",
        required=True,
        help="folder that `dualano-doctor generate` wrote; once for each --anomaly",
    )
    add("--dataset", type=Path, required=True, help="root of the real data, MVTec AD's layout")
    add("--category", type=folder_name, required=True, help="a folder of the real data, e.g. toothbrush")
    add(
        "--anomaly",
        type=folder_name,
        action="append",
        required=True,
        help="the anomaly that was trained, a folder of <category>/test; again for each further one",
    )
    add("--format", choices=("anomalib", "coco", "mvtec", "yolo"), required=True)
    add("--output", type=Path, required=True, help="new folder")
    add(
        "--split",
        choices=("strict", "paper"),
        default="strict",
        help="strict (default): everything that did not train is tested on; paper: upstream's rules, which can leak",
    )
    add(
        "--trained_on",
        type=Path,
        action="append",
        default=[],
        help="trainer_state.json, or a text file of the training images' names; once for each --anomaly",
    )
    add(
        "--paste",
        action="store_true",
        help="photographs in the place of the squares that `dualano-doctor import --crop` cut out of them",
    )
    add("--allow_leakage", action="store_true", help="export although training images are tested on")
    return ExportSettings(**vars(parser.parse_args(arguments)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    settings = parse_arguments(sys.argv[1:] if arguments is None else arguments)

    def work() -> None:
        from .run import export  # here, so that --help needs the standard library alone

        export(settings)

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
