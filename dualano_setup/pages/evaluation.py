"""Evaluations as tables: whatever metrics an evaluation.json names, one row a training, and pictures beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..system.files import list_folder
from .pictures import Album, Picture
from .source import json_at

FILE = "evaluation.json"
_MAPS = 12
_MAP_BYTES = 200_000
_PICTURES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One file: what was done, its columns, its rows (each as long as the columns), and maps to look at."""

    protocol: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    maps: Sequence[tuple[str, Picture]]
    notes: Sequence[tuple[str, str]]


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
    rows = document.get("rows") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(rows, list):
        return None
    rows = [row for row in rows if isinstance(row, dict)]
    metrics = list(dict.fromkeys(name for row in rows for name in _mapping(row.get("metrics"))))
    labels = [name for name in dict.fromkeys(name for row in rows for name in row) if name != "metrics"]
    labels = [name for name in labels if any(isinstance(row.get(name), (str, int, float)) for row in rows)]
    table = [
        [_cell(row.get(name)) for name in labels] + [_cell(_mapping(row.get("metrics")).get(name)) for name in metrics]
        for row in rows
    ]
    simple = {
        key: value for key, value in document.items() if isinstance(value, (str, int, float)) and key != "protocol"
    }
    notes = [(str(key), _cell(value)) for key, value in simple.items()]
    return Evaluation(str(document.get("protocol", "")), [*labels, *metrics], table, _maps(folder, album), notes)


def _maps(folder: Path, album: Album) -> list[tuple[str, Picture]]:
    names: list[tuple[str, Path]] = []
    for place in (folder, folder / "maps"):
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
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else str(value)
    return str(value)
