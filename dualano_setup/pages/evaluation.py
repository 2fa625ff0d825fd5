"""Evaluations as tables: whatever metrics an evaluation.json names, one row a training, and pictures beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..language import _
from ..system.files import list_folder
from .pictures import Album, Picture
from .source import json_at

FILE = "evaluation.json"
_MAPS = 12
_MAP_BYTES = 400_000
_PICTURES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as long as the columns. `folded`: it is the long one, below a shorter one that sums it up."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One file: what was done, its tables, maps to look at, and what a reader has to know beside the numbers."""

    protocol: str
    tables: Sequence[Table]
    maps: Sequence[tuple[str, Picture]]
    notes: Sequence[str]


def read_evaluations(output: Path, album: Album) -> list[Evaluation]:
    """Those of a run: in its folder `evaluation`, or one folder a protocol below that."""
    top = output / "evaluation"
    try:
        below = [top / name for name in list_folder(top).folders]
    except OSError:
        return []
    found = (read_evaluation(folder, album) for folder in (top, *below))
    return [one for one in found if one is not None]


def read_evaluation(folder: Path, album: Album) -> Evaluation | None:
    """The evaluation of a folder, None where there is none that can be read."""
    document = json_at(folder / FILE)
    if not isinstance(document, dict) or not isinstance(document.get("rows"), list):
        return None
    rows, summed = (_table(document.get(key)) for key in ("rows", "summary"))
    tables = [summed, Table(rows.columns, rows.rows, folded=True)] if summed.rows else [rows]
    return Evaluation(str(document.get("protocol", "")), tables, _maps(folder, album), _notes(document))


def _table(rows: object) -> Table:
    """One column a label, then one a metric, whatever they are called."""
    given = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    metrics = list(dict.fromkeys(name for row in given for name in _mapping(row.get("metrics"))))
    labels = [name for name in dict.fromkeys(name for row in given for name in row) if name != "metrics"]
    labels = [name for name in labels if any(isinstance(row.get(name), (str, int, float)) for row in given)]
    cells = [
        [
            *(_cell(row.get(name)) for name in labels),
            *(_cell(_mapping(row.get("metrics")).get(name)) for name in metrics),
        ]
        for row in given
    ]
    return Table([str(name) for name in (*labels, *metrics)], cells)


def _notes(document: dict[str, Any]) -> list[str]:
    """Departures from the protocol, what was left out and why, and the other plain values."""
    plain = {
        key: value for key, value in document.items() if isinstance(value, (str, int, float)) and key != "protocol"
    }
    notes = [f"{key} {_cell(value)}" for key, value in plain.items()]
    for name, pair in _mapping(document.get("departures")).items():
        if isinstance(pair, list) and len(pair) == 2:
            notes.append(_("{name} was {there} instead of the protocol's {own}", name=name, own=pair[0], there=pair[1]))
    left = document.get("left_out")
    for row in left if isinstance(left, list) else ():
        if isinstance(row, dict):
            notes.append(_("left out: {what} (needs {needs})", what=row.get("what", ""), needs=row.get("needs", "")))
    return notes


def _maps(folder: Path, album: Album) -> list[tuple[str, Picture]]:
    names: list[tuple[str, Path]] = []
    for place in (folder, folder / "pictures", folder / "maps"):
        try:
            names += [(name, place / name) for name in list_folder(place).files if name.lower().endswith(_PICTURES)]
        except OSError:
            continue
    pictures = ((name, album.small(path, _MAP_BYTES)) for name, path in names[:_MAPS])
    return [(name, picture) for name, picture in pictures if picture is not None]


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dict) and "mean" in value:  # over seeds
        spread = value.get("interval")
        return _cell(value["mean"]) + (f" ± {spread:.2g}" if isinstance(spread, float) else "")
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else str(value)
    return str(value)
