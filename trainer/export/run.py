"""The export itself: what is gathered, checked, written and recorded."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..data.mvtec import AnomalyFolder
from ..data.split import check_leakage
from ..errors import TrainerError
from ..files.folders import made_aside, refuse_non_empty
from . import anomalib, coco, mvtec, yolo
from .settings import ExportSettings
from .source import ExportSource, gather

#: Each writes the sources, one for each anomaly, into a folder (second argument), which is then moved to its place
#: (third).
WRITERS: dict[str, Callable[[Sequence[ExportSource], Path, Path], None]] = {
    "mvtec": lambda sources, folder, _: mvtec.write(sources, folder),
    "anomalib": anomalib.write,
    "coco": lambda sources, folder, _: coco.write(sources, folder),
    "yolo": yolo.write,
}


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
