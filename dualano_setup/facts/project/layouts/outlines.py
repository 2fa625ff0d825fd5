"""Layouts whose defects are outlines in text: COCO, YOLO, LabelMe and CVAT.

Every reader gives the pictures of one category. An image without an outline is a good one; one with outlines of several
kinds is `combined`, as MVTec AD calls it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError, XMLParser

from ....errors import UsageError
from ....language import _
from ..image_header import read_image
from .folders import NORMAL, read_json
from .picture import Left, Picture, Shape, images_below, stem_of

COMBINED = "combined"
_MAX_XML = 1 << 28  # bytes

Read = Iterator["Picture | Left"]
Labelled = tuple[str, Shape]
"""The kind of a defect and its outline."""


def read_coco(file: str, category: str) -> Read:
    """COCO's instances (cocodataset.org, "Data format"): polygons, or runs, compressed or not."""
    document = read_json(file)
    images = _Images(os.path.dirname(file))
    try:
        assert isinstance(document, dict)
        names = {row["id"]: str(row["name"]) for row in document["categories"]}
        outlines: dict[object, list[Labelled]] = {}
        for row in document["annotations"]:
            outlines.setdefault(row["image_id"], []).extend(
                (names[row["category_id"]], shape) for shape in _coco_shapes(row)
            )
        for row in document["images"]:
            image = images.find(str(row["file_name"]))
            if image is None:
                yield Left(str(row["file_name"]), _not_there(file))
                continue
            size = (int(row["width"]), int(row["height"]))
            yield picture(image, category, outlines.get(row["id"], []), size)
    except (AssertionError, LookupError, TypeError, ValueError) as error:
        raise UsageError(_("{file} is no COCO annotation: {error!r}", file=file, error=error)) from error
    yield from images.unused()


def _coco_shapes(row: dict[str, Any]) -> Iterable[Shape]:
    outline = row.get("segmentation")
    if isinstance(outline, dict):
        yield {"rle": outline["counts"], "size": outline["size"], "at": [0, 0], "by": "columns"}
    elif outline:
        yield from ({"polygon": [float(number) for number in ring]} for ring in outline if len(ring) >= 6)
    else:
        yield {}  # a box for detectors: no outline, which the picture then lacks


def read_yolo(file: str, category: str) -> Read:
    """Ultralytics' segmentation: `data.yaml`, `images/`, and `labels/...` of lines `class x1 y1 x2 y2 ...`, 0 to 1."""
    root = os.path.dirname(file)
    names = _yolo_names(file)
    for image in images_below(root):
        folder, name = os.path.split(image)
        below = os.path.relpath(folder, root).split(os.sep)
        if "images" not in below:
            yield Left(image, _("not below a folder `images`"))
            continue
        place = len(below) - 1 - below[::-1].index("images")
        labels = os.path.join(root, *below[:place], "labels", *below[place + 1 :], os.path.splitext(name)[0] + ".txt")
        seen = read_image(image)
        if not os.path.isfile(labels) or seen.error:
            yield Picture(image, category)
            continue
        with open(labels, encoding="utf-8-sig", errors="replace") as lines:
            rows = [line.split() for line in lines if line.strip()]
        size = (seen.width or 0, seen.height or 0)
        try:
            outlines = [(names.get(int(float(row[0])), row[0]), _yolo_shape(row[1:], size)) for row in rows]
        except ValueError:
            yield Left(image, _("{file} is no list of outlines", file=labels))
            continue
        yield picture(image, category, outlines, size)


def _yolo_shape(words: list[str], size: tuple[int, int]) -> Shape:
    if len(words) < 6:  # four numbers are a box
        return {}
    return {"polygon": [float(word) * size[place % 2] for place, word in enumerate(words[: len(words) // 2 * 2])]}


def _yolo_names(file: str) -> dict[int, str]:
    import yaml

    try:
        with open(file, encoding="utf-8-sig") as text:
            names = (yaml.safe_load(text.read(1 << 20)) or {}).get("names", {})
        rows = names.items() if isinstance(names, dict) else enumerate(names)
        return {int(number): str(name) for number, name in rows}
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise UsageError(_("{file} is no YOLO data file: {error}", file=file, error=error)) from error


def read_labelme(folder: str, category: str) -> Read:
    """LabelMe: one JSON beside (or below) each image, `shapes` with `label`, `points` and `shape_type`."""
    images = _Images(folder)
    for place, _folders, names in sorted(os.walk(folder)):
        for name in sorted(name for name in names if name.lower().endswith(".json") and not name.startswith(".")):
            file = f"{place}{os.sep}{name}"
            document = read_json(file)
            if not isinstance(document, dict) or "shapes" not in document:
                yield Left(file, _("not written by LabelMe"))
                continue
            image = images.find(str(document.get("imagePath", "")).replace("\\", "/"), beside=file)
            if image is None:
                yield Left(file, _("its image is not there"))
                continue
            try:
                outlines = [(str(row["label"]), _labelme_shape(row)) for row in document["shapes"]]
                size = (int(document["imageWidth"]), int(document["imageHeight"]))
            except (LookupError, TypeError, ValueError) as error:
                yield Left(file, _("not written by LabelMe: {error!r}", error=error))
                continue
            yield picture(image, category, outlines, size)
    for rest in images.unused():
        yield Picture(rest.path, category)


def _labelme_shape(row: dict[str, Any]) -> Shape:
    points = [(float(x), float(y)) for x, y in row["points"]]
    kind = row.get("shape_type", "polygon")
    if kind == "mask":
        return {"png": row["mask"], "at": [round(points[0][0]), round(points[0][1])]}
    if kind == "rectangle":
        return {"box": [number for point in (map(min, *points), map(max, *points)) for number in point]}
    if kind == "circle":
        (x, y), (edge_x, edge_y) = points
        radius = ((edge_x - x) ** 2 + (edge_y - y) ** 2) ** 0.5
        return {"ellipse": [x, y, radius, radius]}
    return (
        {"polygon": [number for point in points for number in point]} if kind == "polygon" and len(points) > 2 else {}
    )


def read_cvat(file: str, category: str) -> Read:
    """CVAT for images 1.1: `annotations.xml` with `<image>` rows, the images below its folder."""
    images = _Images(os.path.dirname(file))
    for row in _cvat_rows(file):
        name = row.get("name", "")
        image = images.find(name)
        if image is None:
            yield Left(name, _not_there(file))
            continue
        try:
            outlines = [(one.get("label", ""), _cvat_shape(one)) for one in row if one.get("label")]
            outlines = [one for one in outlines if one[1] is not None]
            yield picture(image, category, outlines, (int(row.get("width", "")), int(row.get("height", ""))))
        except ValueError as error:
            yield Left(image, _("{file} has no whole row of it: {error}", file=os.path.basename(file), error=error))
    yield from images.unused()


def _cvat_rows(file: str) -> Iterator[Element]:
    """The `<image>` rows. A document type is refused: its entities may stand for gigabytes, and CVAT writes none."""
    parser = XMLParser()
    try:
        if os.path.getsize(file) > _MAX_XML:
            raise UsageError(_("{file} is larger than any such table", file=file))
        with open(file, "rb") as stream:
            data = stream.read()
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise UsageError(_("{file} declares a document type, which CVAT's exports do not", file=file))
        parser.feed(data)
        return iter(parser.close().findall("image"))
    except (OSError, ParseError, ValueError) as error:
        raise UsageError(_("{file} cannot be read: {error}", file=file, error=error)) from error


def _cvat_shape(row: Element) -> Shape:
    numbers = {name: float(value) for name, value in row.attrib.items() if name in _CVAT_NUMBERS}
    try:
        if row.tag == "polygon":
            points = row.get("points", "").split(";")
            return {"polygon": [float(number) for point in points for number in point.split(",")]}
        if row.tag == "box":
            return {"box": [numbers[name] for name in ("xtl", "ytl", "xbr", "ybr")]}
        if row.tag == "ellipse":
            return {"ellipse": [numbers[name] for name in ("cx", "cy", "rx", "ry")]}
        if row.tag == "mask":
            left, top, width, height = (int(numbers[name]) for name in ("left", "top", "width", "height"))
            runs = [int(number) for number in row.get("rle", "").split(",")]
            return {"rle": runs, "size": [height, width], "at": [left, top], "by": "rows"}
    except LookupError as error:
        raise ValueError(str(error)) from error
    return {}


_CVAT_NUMBERS = frozenset(["xtl", "ytl", "xbr", "ybr", "cx", "cy", "rx", "ry", "left", "top", "width", "height"])


def picture(image: str, category: str, outlines: list[Labelled], size: tuple[int, int]) -> Picture:
    """One image with its outlines. One that has only marks without an outline (points) is anomalous, without shape."""
    defects = [(name, shape) for name, shape in outlines if name.lower() not in NORMAL]
    kinds = {name for name, _shape in defects}
    anomaly = "" if not kinds else kinds.pop() if len(kinds) == 1 else COMBINED
    return Picture(image, category, anomaly, shapes=tuple(shape for _name, shape in defects if shape), size=size)


class _Images:
    """The images below a folder, found by the paths that an annotation names: whole, else by the last part."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._all = list(images_below(folder))
        self._by_name: dict[str, list[str]] = {}
        for path in self._all:
            self._by_name.setdefault(_key(path), []).append(path)
        self._used: set[str] = set()

    def find(self, name: str, beside: str = "") -> str | None:
        """The image of that name; `beside` is the annotation's own file, whose folder comes first."""
        places = [os.path.join(os.path.dirname(beside), name)] if beside else []
        candidates = self._by_name.get(_key(name), [])
        exact = [os.path.normpath(path) for path in (*places, os.path.join(self._folder, name))]
        whole = [path for path in candidates if os.path.normpath(path) in exact]
        ending = [path for path in candidates if path.endswith(f"/{name}")]
        chosen = (whole or ending or candidates)[:1]
        self._used.update(chosen)
        return chosen[0] if chosen else None

    def unused(self) -> list[Left]:
        """The images that no annotation named."""
        return [Left(path, _("no annotation names it")) for path in self._all if path not in self._used]


def _not_there(file: str) -> str:
    return _("{file} names it, and it is not there", file=os.path.basename(file))


def _key(path: str) -> str:
    return f"{stem_of(path)}{os.path.splitext(path)[1]}".casefold()
