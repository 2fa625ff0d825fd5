"""Which of the known layouts a folder or an annotation file has: by a few names, and by the first bytes of a table.

The rows cite where each layout is published. Cheap enough for `check`, which looks only where training's own layout
is not there, or not whole.
"""

from __future__ import annotations

import os
from pathlib import Path

from ...language import N_
from ...light_dataclasses import dataclass
from .picture import files_in, folders_in, images_in, inside

MAX_LOOKED_AT = 300
"""Folders, or annotation files, of one folder that are looked at to recognise it."""
_HEAD = 1 << 16  # bytes


@dataclass(frozen=True, slots=True)
class Layout:
    """One published layout. A folder is one of its categories when each of `marks` is a folder there.

    `tables` are for layouts told by an annotation file: endings, and words of which its beginning holds each.
    """

    name: str
    title: str
    source: str
    marks: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


LAYOUTS = (
    Layout("mvtec-ad-2", "MVTec AD 2", "Heckler-Kram et al., 2025, arXiv:2503.21622", ("test_public",)),
    Layout("mvtec-loco", "MVTec LOCO AD", "Bergmann et al., IJCV 2022", ("test", "ground_truth/*/*")),
    Layout("visa", "VisA", "Zou et al., ECCV 2022", ("Data/Images", "Data/Masks")),
    Layout("btad", "BTAD", "Mishra et al., ISIE 2021", ("train/ok", "test")),
    Layout("real-iad", "Real-IAD", "Wang et al., CVPR 2024", ("OK", "NG")),
    Layout("mpdd", "MPDD", "Jezek et al., ICUMT 2021", ("train/good", "test", "ground_truth")),
    Layout("mvtec", "MVTec AD", "Bergmann et al., IJCV 2021", ("test", "ground_truth")),
    Layout("coco", "COCO", "cocodataset.org, data format", (), (".json",), ('"images"', '"categories"')),
    Layout("cvat", "CVAT for images", "docs.cvat.ai, CVAT XML 1.1", (), (".xml",), ("<annotations>",)),
    Layout("yolo", "YOLO segmentation", "docs.ultralytics.com, datasets/segment", (), (".yaml", ".yml"), ("names",)),
    Layout("labelme", "LabelMe", "wkentaro/labelme", (), (".json",), ('"shapes"', '"imagePath"')),
    Layout("flat", N_("flat folders"), "a user's own"),
)
BY_NAME = {layout.name: layout for layout in LAYOUTS}
_ALIKE = frozenset(("mpdd",))
"""Layouts that a folder cannot be told by: MPDD has MVTec AD's own."""


@dataclass(frozen=True, slots=True)
class Found:
    """A layout and where: the folders of its categories by name, or its annotation file."""

    layout: Layout
    root: str
    categories: tuple[tuple[str, str], ...] = ()
    table: str = ""


def recognise(source: Path | str, only: str = "") -> Found | None:
    """The layout of a folder of categories, of one category, or of an annotation file; `only` tries that one alone.

    Raises OSError where the source cannot be looked at.
    """
    root = os.path.abspath(source)
    os.stat(root)
    layouts = [layout for layout in LAYOUTS if layout.name == only or (not only and layout.name not in _ALIKE)]
    by_folder = [layout for layout in layouts if layout.marks]
    for place in _places(root):
        for layout in by_folder:
            names = [name for name in folders_in(place)[:MAX_LOOKED_AT] if _has(f"{place}{os.sep}{name}", layout)]
            if _has(place, layout):
                return Found(layout, place, ((os.path.basename(place), place),))
            if names:
                return Found(layout, place, tuple((name, f"{place}{os.sep}{name}") for name in names))
    for layout in layouts:
        if layout.tables and (table := _table(root, layout, certain=bool(only))):
            return Found(layout, os.path.dirname(table), table=table)
    if any(layout.name == "flat" for layout in layouts) and _is_flat(root):
        return Found(BY_NAME["flat"], root)
    return None


def _places(root: str) -> list[str]:
    """The folder itself, and the one folder in it: an archive often unpacks one too deep."""
    inner = folders_in(root)
    return [root, f"{root}{os.sep}{inner[0]}"] if len(inner) == 1 else [root]


def _has(folder: str, layout: Layout) -> bool:
    return all(_is_there(folder, mark) for mark in layout.marks)


def _is_there(folder: str, mark: str) -> bool:
    """Whether that folder is there; `*/*` stands for a folder of a folder that has images and its parent none."""
    place, star, _rest = mark.partition("/*")
    place = inside(folder, place)
    if not star:
        return os.path.isdir(place)
    kinds = [f"{place}{os.sep}{name}" for name in folders_in(place)]
    return any(folders_in(kind) and not images_in(kind) for kind in kinds)


def _table(root: str, layout: Layout, *, certain: bool) -> str:
    """The annotation file: the source itself, or one in it or in one of its folders (LabelMe: any of them)."""
    if os.path.isfile(root):
        candidates = [root]
        if certain:
            return root
    else:
        folders = [root, *(f"{root}{os.sep}{name}" for name in folders_in(root)[:MAX_LOOKED_AT])]
        candidates = [path for folder in folders for path in files_in(folder)[:MAX_LOOKED_AT]]
    for path in candidates:
        if path.lower().endswith(layout.tables) and all(word in _beginning(path) for word in layout.words):
            return path
    return ""


def _beginning(path: str) -> str:
    """The first and last bytes of a file as text: a table's keys stand in any order."""
    with open(path, "rb") as file:
        head = file.read(_HEAD)
        file.seek(max(len(head), os.path.getsize(path) - _HEAD))
        return (head + file.read(_HEAD)).decode("utf-8", "replace")


def _is_flat(root: str) -> bool:
    from .folders import flat_folders

    return flat_folders(root) is not None
