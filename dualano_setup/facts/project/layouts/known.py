"""Which of the known layouts a folder or an annotation file has: by a few names, and by the first bytes of a table.

The rows cite where each layout is published. Cheap enough for `check`, which looks only where training's own layout
is not there, or not whole.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ....language import N_, _
from ....light_dataclasses import dataclass
from .picture import files_in, folders_in, images_in, inside

MAX_LOOKED_AT = 200
"""Folders, or annotation files, of one folder that are looked at to recognise it."""
_HEAD = 1 << 16  # bytes


@dataclass(frozen=True, slots=True)
class Layout:
    """One published layout. A folder is one of its categories when each of `marks` is a folder there.

    `tables` are for layouts told by an annotation file: endings, and words that its beginning and end hold. `binary`:
    the masks are PNGs of 0 and 255, one an image, so that there is nothing to be done to them.
    """

    name: str
    title: str
    source: str
    marks: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    binary: bool = False


LAYOUTS = (
    Layout("mvtec-ad-2", "MVTec AD 2", "Heckler-Kram et al., 2025, arXiv:2503.21622", ("test_public",), binary=True),
    Layout("mvtec-loco", "MVTec LOCO AD", "Bergmann et al., IJCV 2022", ("test", "ground_truth/*/*")),
    Layout("visa", "VisA", "Zou et al., ECCV 2022", ("Data/Images", "Data/Masks")),
    Layout("btad", "BTAD", "Mishra et al., ISIE 2021", ("train/ok", "test")),
    Layout("real-iad", "Real-IAD", "Wang et al., CVPR 2024", ("OK", "NG")),
    Layout("mpdd", "MPDD", "Jezek et al., ICUMT 2021", ("train/good", "test", "ground_truth"), binary=True),
    Layout("mvtec", "MVTec AD", "Bergmann et al., IJCV 2021", ("test", "ground_truth"), binary=True),
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
    for place in _places(root):
        above = _layout_of(place, layouts)
        if above is not None:
            return Found(above, place, ((os.path.basename(place), place),))
        inner = {name: f"{place}{os.sep}{name}" for name in folders_in(place)[:MAX_LOOKED_AT]}
        kinds = {name: _layout_of(folder, layouts) for name, folder in inner.items()}
        for layout in layouts:
            if names := [name for name, kind in kinds.items() if kind is layout]:
                return Found(layout, place, tuple((name, inner[name]) for name in names))
    for layout in layouts:
        if layout.tables and (table := _table(root, layout, certain=bool(only))):
            return Found(layout, os.path.dirname(table), table=table)
    if any(layout.name == "flat" for layout in layouts) and _is_flat(root):
        return Found(BY_NAME["flat"], root)
    return None


def other_layout(root: str, category: str | None) -> tuple[str, str]:
    """Title and place of a layout, other than training's own, that a data root or its category has; "" for none.

    Data that are not quite MVTec's (no masks for some images, say) are not called so.
    """
    for place in (root, f"{root}{os.sep}{category}" if category else root):
        try:
            found = recognise(place)
        except OSError:
            continue
        if found is not None and found.layout.name != "mvtec":
            return _(found.layout.title), place
    return "", ""


def _places(root: str) -> list[str]:
    """The folder itself, and the one folder in it: an archive often unpacks one too deep."""
    inner = folders_in(root)
    return [root, f"{root}{os.sep}{inner[0]}"] if len(inner) == 1 else [root]


def _layout_of(folder: str, layouts: Sequence[Layout]) -> Layout | None:
    """The first layout of which the folder is a category."""
    there = {name.lower() for name in folders_in(folder)}
    for layout in layouts:
        begins = all(mark.partition("/")[0].lower() in there for mark in layout.marks)
        if layout.marks and begins and all(_is_there(folder, mark) for mark in layout.marks):
            return layout
    return None


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
        candidates = [path for folder in folders for path in files_in(folder) if path.lower().endswith(layout.tables)]
    for path in candidates[:MAX_LOOKED_AT]:
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
