"""Export generated pairs, with the real images to judge them on, for other tools.

    python -m trainer.export --generated DIR --dataset MVTEC_ROOT --category C --anomaly A \
        --format mvtec|anomalib|coco|yolo --output DIR [--split strict|paper]

Several anomalies go into one export by repeating --anomaly and --generated, in the same order.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..cli.flag_types import folder_name
from ..cli.run_command import run_command
from ..data.mvtec import AnomalyFolder
from ..data.split import check_leakage
from ..errors import TrainerError
from ..files.folders import made_aside, refuse_non_empty
from . import anomalib, coco, mvtec, yolo
from .source import ExportSource, Protocol, gather

#: Each writes the sources, one for each anomaly, into a folder (second argument), which is then moved to its place
#: (third).
WRITERS: dict[str, Callable[[Sequence[ExportSource], Path, Path], None]] = {
    "mvtec": lambda sources, folder, _: mvtec.write(sources, folder),
    "anomalib": anomalib.write,
    "coco": lambda sources, folder, _: coco.write(sources, folder),
    "yolo": yolo.write,
}


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """What to export, by the names of the flags; `--help` explains each."""

    generated: Sequence[Path]
    dataset: Path
    category: str
    anomaly: Sequence[str]
    format: str
    output: Path
    split: Protocol = "strict"
    trained_on: Sequence[Path] = ()
    allow_leakage: bool = False
    paste: bool = False


def export(settings: ExportSettings) -> None:
    """Write the export, whole or not at all.

    Raises:
        TrainerError: nothing to export, a damaged input, or a training image among the test images.
    """
    refuse_non_empty(settings.output)
    sources = gather_all(settings)
    leaks = sum(len(source.leaks) for source in sources)
    if leaks and settings.allow_leakage:
        print(f"warning: {leaks} test images are training images; results on them say nothing", file=sys.stderr)
    else:
        trained_on = [path for source in sources for path in source.trained_on]
        check_leakage(trained_on, [pair.image for source in sources for pair in source.test])
    with made_aside(settings.output) as aside, pasted(settings, sources) as sources:
        WRITERS[settings.format](sources, aside, settings.output)
        text = json.dumps(describe(settings, sources), indent=2) + "\n"
        (aside / "export.json").write_text(text, encoding="utf-8")
    generated, tested = (sum(map(len, sets)) for sets in zip(*((s.generated, s.test) for s in sources), strict=True))
    print(
        f"{generated} generated and {tested} real anomalies, {len(sources[0].train_good)} + "
        f"{len(sources[0].test_good)} good images, as {settings.format} in {settings.output}"
    )


def gather_all(settings: ExportSettings) -> list[ExportSource]:
    """One source for each anomaly, in the order of their class numbers.

    Raises:
        TrainerError: the flags do not go together, or what `gather` raises.
    """
    count = len(settings.anomaly)
    if len(set(settings.anomaly)) < count:
        raise TrainerError("--anomaly names one anomaly twice.")
    for flag, given in (("--generated", settings.generated), ("--trained_on", settings.trained_on)):
        if len(given) != count and (given or flag == "--generated"):
            raise TrainerError(f"{flag} is given {len(given)} times, --anomaly {count}: give one for each, in order.")
    lists: Sequence[Path | None] = settings.trained_on or [None] * count
    folders = [AnomalyFolder(settings.dataset, settings.category, anomaly) for anomaly in settings.anomaly]
    sources = [
        gather(generated, folder, settings.split, trained_on=trained_on)
        for generated, folder, trained_on in zip(settings.generated, folders, lists, strict=True)
    ]
    return sorted(sources, key=lambda source: source.number)


@contextmanager
def pasted(settings: ExportSettings, sources: list[ExportSource]) -> Iterator[list[ExportSource]]:
    """Inside, the sources to write: with `paste` photographs in the place of squares, in a folder for the time being.

    Raises:
        TrainerError: as `Album`.
    """
    if not settings.paste:
        yield sources
        return
    from .paste import Album

    generated = dict(zip(settings.anomaly, settings.generated, strict=True))
    with TemporaryDirectory(prefix=f".{settings.output.name}.pasted-", dir=settings.output.absolute().parent) as place:
        folder = AnomalyFolder(settings.dataset, settings.category, settings.anomaly[0])
        album = Album(folder, Path(place))
        yield [album.paste(source, generated[source.anomaly]) for source in sources]


def describe(settings: ExportSettings, sources: Sequence[ExportSource]) -> dict[str, Any]:
    """What the export holds, for its own record."""
    return {
        "format": settings.format,
        "split": settings.split,
        "pasted": settings.paste,
        "category": settings.category,
        "classes": list(sources[0].classes),
        "anomalies": [
            {
                "anomaly": source.anomaly,
                "class": source.number,
                "generated": len(source.generated),
                "weights": list(source.weights),
                "trained_on": [path.name for path in source.trained_on],
                "tested_on": [pair.image.name for pair in source.test],
                "leaks": [[trained.name, tested.name] for trained, tested in source.leaks],
            }
            for source in sources
        ],
    }


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
    add("--format", choices=sorted(WRITERS), required=True)
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
    return run_command(lambda: export(settings))


if __name__ == "__main__":
    sys.exit(main())
