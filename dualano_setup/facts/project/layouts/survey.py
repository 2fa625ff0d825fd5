"""Reads a source of any known layout into pictures: the one way in for `import`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from ....errors import UsageError
from ....language import _
from ....light_dataclasses import dataclass, replace
from . import folders, outlines
from .known import LAYOUTS, Found, recognise
from .picture import Left, Picture, Survey

_TREES = {
    "mvtec": folders.MVTEC,
    "mpdd": folders.MVTEC,
    "mvtec-ad-2": folders.MVTEC_AD_2,
    "mvtec-loco": folders.MVTEC_LOCO,
    "btad": folders.BTAD,
}
DEFECT = "defect"
"""What the anomaly of flat folders is called where nobody names it."""


@dataclass(frozen=True, slots=True)
class Source:
    """What the user named: a folder or annotation file, or three folders; and what is wanted of it."""

    path: Path | None = None
    layout: str = ""
    category: str = ""
    anomaly: str = ""
    good: Path | None = None
    images: Path | None = None
    masks: Path | None = None


def survey(source: Source) -> Survey:
    """Everything in the source. Raises UsageError where it is not there, not readable, or of no known layout."""
    if source.images is not None or source.masks is not None:
        return _own_folders(source)
    if source.path is None:
        raise UsageError(_("name what to import: a folder, an annotation file, or --images with --masks"))
    try:
        found = recognise(source.path, source.layout)
    except OSError as error:
        raise UsageError(
            _(
                "{path} cannot be looked at ({reason}). Expected: a folder with a data set, or an annotation file; "
                "name one that is there",
                path=source.path,
                reason=error.strerror or error,
            )
        ) from error
    if found is None:
        known = ", ".join(_(layout.title) for layout in LAYOUTS)
        raise UsageError(
            _(
                "{path} has none of the layouts known here ({known}). Name the folders: --good DIR --images DIR "
                "--masks DIR",
                path=source.path,
                known=known,
            )
        )
    rows = list(_read(found, source))
    where = os.path.abspath(source.path)
    return _named(Survey(_(found.layout.title), where, *_sorted_out(rows), binary=found.layout.binary), source)


def _own_folders(source: Source) -> Survey:
    if source.images is None or source.masks is None:
        raise UsageError(_("--images and --masks go together: which images, and which masks of them"))
    chosen = [path for path in (source.good, source.images, source.masks) if path is not None]
    if absent := [path for path in chosen if not path.is_dir()]:
        raise UsageError(
            _(
                "{path} is not a folder. Expected: --good, --images and --masks each name a folder with pictures",
                path=absent[0],
            )
        )
    category = source.category or source.images.absolute().parent.name or "data"
    good = str(source.good) if source.good else None
    rows = folders.read_flat(good, str(source.images), str(source.masks), category, source.anomaly or DEFECT)
    return _named(Survey(_("flat folders"), os.path.abspath(source.images), *_sorted_out(rows)), source)


def _read(found: Found, source: Source) -> Iterable[Picture | Left]:
    name, table = found.layout.name, found.table
    category = source.category or os.path.basename(found.root) or "data"
    if name == "coco":
        return outlines.read_coco(table, category)
    if name == "cvat":
        return outlines.read_cvat(table, category)
    if name == "yolo":
        return outlines.read_yolo(table, category)
    if name == "labelme":
        return outlines.read_labelme(found.root, category)
    if name == "flat":
        chosen = folders.flat_folders(found.root)
        assert chosen is not None
        good = str(source.good) if source.good else chosen[0]
        return folders.read_flat(good, chosen[1], chosen[2], category, source.anomaly or DEFECT)
    return (row for own, folder in _chosen(found, source) for row in _of_category(name, own, folder))


def _of_category(layout: str, category: str, folder: str) -> Iterable[Picture | Left]:
    if layout == "visa":
        return folders.read_visa(category, folder)
    if layout == "real-iad":
        return folders.read_real_iad(category, folder)
    return folders.read_tree(category, folder, _TREES[layout])


def _chosen(found: Found, source: Source) -> Iterable[tuple[str, str]]:
    """The wanted categories. A single one takes the wanted name."""
    if not source.category or source.category in dict(found.categories):
        return [one for one in found.categories if source.category in ("", one[0])]
    if len(found.categories) == 1:
        return [(source.category, found.categories[0][1])]
    there = ", ".join(name for name, _folder in found.categories)
    raise UsageError(_("no category `{category}` in it; there are {there}", category=source.category, there=there))


def _sorted_out(rows: Iterable[Picture | Left]) -> tuple[tuple[Picture, ...], tuple[Left, ...]]:
    pictures: list[Picture] = []
    left: list[Left] = []
    for row in rows:
        if isinstance(row, Picture):
            pictures.append(row)
        else:
            left.append(row)
    return tuple(pictures), tuple(left)


def _named(seen: Survey, source: Source) -> Survey:
    """Only the wanted anomaly, or a single one under the wanted name; all names as folders can bear them."""
    names = {picture.anomaly for picture in seen.pictures if picture.anomaly}
    wanted = source.anomaly
    if wanted and wanted not in names and len(names) > 1:
        there = ", ".join(sorted(names))
        raise UsageError(_("no anomaly `{anomaly}` in it; there are {there}", anomaly=wanted, there=there))
    keep = {"", wanted if wanted in names or not names else names.copy().pop()} if wanted else {"", *names}
    pictures = [
        replace(
            picture,
            category=_folder_name(picture.category, "data"),
            anomaly=_folder_name(wanted or picture.anomaly, DEFECT) if picture.anomaly else "",
        )
        for picture in seen.pictures
        if picture.anomaly in keep
    ]
    return replace(seen, pictures=tuple(pictures))


def _folder_name(text: str, otherwise: str) -> str:
    """A name that is one folder on any system, and no folder of good images."""
    name = re.sub(r"[^\w.+-]+", "_", text).strip("._") or otherwise
    return f"{name}_{DEFECT}" if name.lower() in folders.NORMAL and otherwise == DEFECT else name
