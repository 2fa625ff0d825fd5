"""What every layout is read into: pictures with their masks or outlines, and what was left out with the reason."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from typing import Any

from ....light_dataclasses import dataclass
from ..image_header import SUFFIXES

Shape = dict[str, Any]
"""An outline in pixels, as `trainer/intake/shapes.py` draws it: {"polygon": [x, y, ...]}, {"box": [left, top, right,
bottom]}, {"ellipse": [x, y, radius x, radius y]}, {"rle": runs, ...} or {"png": base64 text, "at": [left, top]}."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One image with what marks its defect.

    `anomaly` is "" for a good image; `part` says of a good one whether it trains ("train") or tests ("test"), "" where
    its data set leaves that open. `labels`: the masks hold numbers of classes, so everything above 0 is marked.
    `size` is the (width, height) that the outlines were drawn on.
    """

    image: str
    category: str
    anomaly: str = ""
    masks: tuple[str, ...] = ()
    shapes: tuple[Shape, ...] = ()
    part: str = ""
    labels: bool = False
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """A file that is not taken, and why, in words."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Survey:
    """Everything that one source holds."""

    layout: str  # title of the layout
    source: str
    pictures: tuple[Picture, ...]
    left: tuple[Left, ...] = ()
    binary: bool = False  # as in the layout: masks need not be looked at


def files_in(folder: str) -> list[str]:
    """Paths of the files directly in `folder`, hidden ones left out, sorted; none where it is no folder."""
    return [entry.path for entry in _entries(folder) if entry.is_file()]


def folders_in(folder: str) -> list[str]:
    """Names of the folders directly in `folder`, hidden ones left out, sorted; none where it is no folder."""
    return [entry.name for entry in _entries(folder) if entry.is_dir()]


def images_in(folder: str) -> list[str]:
    """Paths of the images directly in `folder`, by their names' endings in any case."""
    return [path for path in files_in(folder) if is_image(path)]


def images_below(folder: str) -> Iterator[str]:
    """Paths of the images in `folder` and all folders in it."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (f"{place}{os.sep}{name}" for name in sorted(files) if is_image(name) and not name.startswith("."))


def is_image(path: str) -> bool:
    """Whether the name ends like that of an image which training reads."""
    return os.path.splitext(path)[1].lower() in SUFFIXES


def stem_of(path: str) -> str:
    """The name without its ending, in one Unicode form (NFC): macOS writes the other."""
    return unicodedata.normalize("NFC", os.path.splitext(os.path.basename(path))[0])


def inside(folder: str, place: str) -> str:
    """`folder/place`, its parts found in any case of their letters; the path as written where there is none."""
    for part in place.split("/"):
        straight = f"{folder}{os.sep}{part}"
        if not os.path.exists(straight):
            names = (entry.name for entry in _entries(folder))
            part = next((name for name in names if name.lower() == part.lower()), part)
        folder = f"{folder}{os.sep}{part}"
    return folder


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda one: one.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
