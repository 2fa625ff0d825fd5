"""The job of an import, read and checked. The standard library alone: links need no more.

Schema 1:
  {"schema": 1, "layout": "VisA", "source": "...", "crop": 0, "copies": false, "plain": false,
   "categories": {"candle": [{"image": "/...", "to": "test/bad/000.png", "anomaly": "bad",
                              "mask": "ground_truth/bad/000_mask.png", "masks": ["/..."], "shapes": [],
                              "labels": true}]},
   "left_out": [{"path": "/...", "why": "no mask"}]}
Good images have no `mask`. Shapes are those of `shapes.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import TrainerError


@dataclass(frozen=True, slots=True)
class Row:
    """One picture: where it is, where it goes, and what marks its defect (`mask` is "" for a good image)."""

    image: Path
    to: str
    mask: str = ""
    masks: tuple[Path, ...] = ()
    shapes: tuple[dict[str, Any], ...] = ()
    labels: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that one import brings.

    `crop` is the side of the squares to cut in pixels, 0 for whole images. `plain`: the masks are known to be PNGs of 0
    and 255, one an image, so that links suffice where there is nothing to look at them with.
    """

    layout: str
    source: str
    categories: dict[str, tuple[Row, ...]]
    left_out: tuple[dict[str, str], ...] = ()
    crop: int = 0
    copies: bool = False
    plain: bool = False


def read_job(path: Path) -> Job:
    """The job.

    Raises:
        TrainerError: it cannot be read, is of another schema, or names a place outside its category's folder.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["schema"] != 1:
            raise TrainerError(f"{path} is of schema {document['schema']}; expected 1.")
        categories = {name: tuple(map(_row, rows)) for name, rows in document["categories"].items()}
        job = Job(
            str(document["layout"]),
            str(document["source"]),
            categories,
            tuple(document["left_out"]),
            int(document["crop"]),
            bool(document["copies"]),
            bool(document["plain"]),
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise TrainerError(f"{path} is not the job of an import ({error!r}).") from error
    places = [*categories, *(place for rows in categories.values() for row in rows for place in (row.to, row.mask))]
    if outside := [place for place in places if PurePosixPath(place).is_absolute() or ".." in place.split("/")]:
        raise TrainerError(f"{path} names {outside[0]}, which lies outside the folder to write.")
    return job


def _row(row: dict[str, Any]) -> Row:
    return Row(
        Path(row["image"]),
        str(row["to"]),
        str(row.get("mask", "")),
        tuple(map(Path, row.get("masks", ()))),
        tuple(row.get("shapes", ())),
        bool(row.get("labels", False)),
    )
