"""Export generated pairs, with the real images to judge them on, for other tools.

    python -m trainer.export --generated DIR --dataset MVTEC_ROOT --category C --anomaly A \
        --format mvtec|anomalib|coco|yolo --output DIR [--split strict|paper]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..cli.flag_types import folder_name
from ..cli.run_command import run_command
from ..data.mvtec import AnomalyFolder
from ..data.split import check_leakage
from ..files.folders import made_aside, refuse_non_empty
from . import anomalib, coco, mvtec, yolo
from .source import ExportSource, Protocol, gather

#: Each writes the source into a folder (second argument) that will be moved to its place (third).
WRITERS: dict[str, Callable[[ExportSource, Path, Path], None]] = {
    "mvtec": lambda source, folder, _: mvtec.write(source, folder),
    "anomalib": anomalib.write,
    "coco": lambda source, folder, _: coco.write(source, folder),
    "yolo": yolo.write,
}


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """What to export, by the names of the flags; `--help` explains each."""

    generated: Path
    dataset: Path
    category: str
    anomaly: str
    format: str
    output: Path
    split: Protocol = "strict"
    trained_on: Path | None = None
    allow_leakage: bool = False


def export(settings: ExportSettings) -> None:
    """Write the export, whole or not at all.

    Raises:
        TrainerError: nothing to export, a damaged input, or a training image among the test images.
    """
    refuse_non_empty(settings.output)
    folder = AnomalyFolder(settings.dataset, settings.category, settings.anomaly)
    source = gather(settings.generated, folder, settings.split, trained_on=settings.trained_on)
    if source.leaks and settings.allow_leakage:
        print(
            f"warning: {len(source.leaks)} test images are training images; results on them say nothing",
            file=sys.stderr,
        )
    else:
        check_leakage(source.trained_on, [pair.image for pair in source.test])
    with made_aside(settings.output) as aside:
        WRITERS[settings.format](source, aside, settings.output)
        text = json.dumps(describe(settings, source), indent=2) + "\n"
        (aside / "export.json").write_text(text, encoding="utf-8")
    print(
        f"{len(source.generated)} generated and {len(source.test)} real anomalies, {len(source.train_good)} + "
        f"{len(source.test_good)} good images, as {settings.format} in {settings.output}"
    )


def describe(settings: ExportSettings, source: ExportSource) -> dict[str, Any]:
    """What the export holds, for its own record."""
    return {
        "format": settings.format,
        "split": settings.split,
        "category": source.category,
        "anomaly": source.anomaly,
        "generated": len(source.generated),
        "weights": list(source.weights),
        "trained_on": [path.name for path in source.trained_on],
        "tested_on": [pair.image.name for pair in source.test],
        "leaks": [[trained.name, tested.name] for trained, tested in source.leaks],
    }


def parse_arguments(arguments: Sequence[str]) -> ExportSettings:
    """Settings from a command line."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.export", description=(__doc__ or "").split("\n")[0], allow_abbrev=False
    )
    add = parser.add_argument
    add("--generated", type=Path, required=True, help="folder that `python -m trainer.generate` wrote")
    add("--dataset", type=Path, required=True, help="root of the real data, MVTec AD's layout")
    add("--category", type=folder_name, required=True, help="a folder of the real data, e.g. toothbrush")
    add("--anomaly", type=folder_name, required=True, help="the anomaly that was trained, a folder of <category>/test")
    add("--format", choices=sorted(WRITERS), required=True)
    add("--output", type=Path, required=True, help="new folder")
    add(
        "--split",
        choices=("strict", "paper"),
        default="strict",
        help="strict (default): everything that did not train is tested on; paper: upstream's rules, which can leak",
    )
    add("--trained_on", type=Path, help="trainer_state.json, or a text file of the training images' names")
    add("--allow_leakage", action="store_true", help="export although training images are tested on")
    return ExportSettings(**vars(parser.parse_args(arguments)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    settings = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    return run_command(lambda: export(settings))


if __name__ == "__main__":
    sys.exit(main())
