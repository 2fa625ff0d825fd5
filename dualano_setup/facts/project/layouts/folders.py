"""Layouts that are told by their folders: the MVTec family, VisA, BTAD, Real-IAD, and a user's own flat folders."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from typing import Any

from ....errors import UsageError
from ....language import _
from ....light_dataclasses import dataclass
from .pairing import looks_like_mask, match, pair
from .picture import Left, Picture, files_in, folders_in, images_below, images_in, inside, is_image, stem_of

NORMAL = frozenset(("good", "ok", "normal", "defect_free", "nondefective"))
"""Folders of good images, by the names that data sets give them."""
_DEFECTIVE = frozenset(
    ("images", "image", "img", "imgs", "anomaly", "anomalies", "anomalous", "abnormal", "defect", "defects")
) | {"defective", "bad", "ng", "ko", "test"}
_MASKS = frozenset(
    ("masks", "mask", "ground_truth", "groundtruth", "gt", "annotations", "labels", "segmentations", "segmentation")
)
_MAX_TEXT = 1 << 28  # bytes of a data set's own table of images

Read = Iterator["Picture | Left"]


@dataclass(frozen=True, slots=True)
class Tree:
    """Where one layout keeps what, below a category's folder."""

    good: tuple[str, ...]  # folders of good images that train
    tested: str  # the folder of folders of test images; one named as in NORMAL holds good ones
    masks: str  # the folder of folders of masks
    labels: bool = False


MVTEC = Tree(("train/good",), "test", "ground_truth")
MVTEC_AD_2 = Tree(("train/good", "validation/good"), "test_public", "test_public/ground_truth")
MVTEC_LOCO = Tree(("train/good", "validation/good"), "test", "ground_truth", labels=True)
BTAD = Tree(("train/ok",), "test", "ground_truth")


def read_tree(category: str, folder: str, tree: Tree) -> Read:
    """A category of the MVTec family."""
    for place in tree.good:
        for image in images_in(inside(folder, place)):
            yield Picture(image, category, part="train")
    tested = inside(folder, tree.tested)
    masks = inside(folder, tree.masks)
    for name in folders_in(tested):
        place = f"{tested}{os.sep}{name}"
        if name.lower() in NORMAL:
            yield from (Picture(image, category, part="test") for image in images_in(place))
        elif place != masks:
            yield from with_masks(images_in(place), inside(masks, name), category, name, labels=tree.labels)


def with_masks(images: list[str], masks: str, category: str, anomaly: str, *, labels: bool = False) -> Read:
    """Anomalous images with the masks in the folder `masks`; masks without an image are left out."""
    pairs = pair(images, masks)
    for image in images:
        yield Picture(image, category, anomaly, pairs.masks.get(image, ()), labels=labels)
    yield from pairs.left


def read_visa(category: str, folder: str) -> Read:
    """A category of VisA: `Data/Images/{Normal,Anomaly}`, `Data/Masks/Anomaly` with class numbers as values.

    Which good images train stands in `split_csv/1cls.csv` beside the categories, where that came along.
    """
    images, masks = inside(folder, "Data/Images"), inside(folder, "Data/Masks")
    parts = _visa_split(os.path.dirname(os.path.abspath(folder)))
    for name in folders_in(images):
        place = f"{images}{os.sep}{name}"
        if name.lower() in NORMAL:
            for image in images_in(place):
                yield Picture(image, category, part=parts.get(f"{category}/{stem_of(image)}", ""))
        else:
            yield from with_masks(images_in(place), inside(masks, name), category, name, labels=True)


def _visa_split(root: str) -> dict[str, str]:
    """ "train" or "test" by `category/stem` of the good images; empty where no split came along."""
    file = inside(root, "split_csv/1cls.csv")
    if not os.path.isfile(file):
        return {}
    with open(file, newline="", encoding="utf-8", errors="replace") as rows:
        return {
            f"{row['object']}/{stem_of(row['image'])}": row["split"]
            for row in csv.DictReader(rows)
            if row.get("label") == "normal" and row.get("split") in ("train", "test") and row.get("image")
        }


def read_real_iad(category: str, folder: str) -> Read:
    """A category of Real-IAD: `OK/<sample>/*.jpg`, `NG/<code>/<sample>/*.jpg` with the mask beside it as PNG.

    `<category>.json`, where it is found, says which images train and which test, and each image's mask.
    """
    table = _real_iad_table(category, folder)
    if table is not None:
        yield from table
        return
    yield from (Picture(image, category) for image in images_below(inside(folder, "OK")))
    defects = inside(folder, "NG")
    for code in folders_in(defects):
        found = list(images_below(f"{defects}{os.sep}{code}"))
        images = [path for path in found if not path.lower().endswith(".png")]
        masks = {os.path.splitext(path)[0]: path for path in found if path.lower().endswith(".png")}
        for image in images:
            mask = masks.get(os.path.splitext(image)[0])
            yield Picture(image, category, code, (mask,) if mask else (), labels=True)


def _real_iad_table(category: str, folder: str) -> list[Picture | Left] | None:
    above = os.path.dirname(os.path.abspath(folder))
    places = [above, *(f"{top}{os.sep}{name}" for top in (above, os.path.dirname(above)) for name in folders_in(top))]
    # `realiad_jsons/realiad_jsons/<category>.json` is how the archive unpacks.
    places += [f"{place}{os.sep}{name}" for place in places[1:] if "json" in place for name in folders_in(place)]
    file = next((path for place in places if os.path.isfile(path := f"{place}{os.sep}{category}.json")), None)
    if file is None:
        return None
    rows: list[Picture | Left] = []
    document = read_json(file)
    try:
        normal = document["meta"]["normal_class"]
        for part in ("train", "test"):
            for row in document[part]:
                image = f"{folder}{os.sep}{row['image_path']}"
                anomaly = "" if row["anomaly_class"] == normal else str(row["anomaly_class"])
                mask = (f"{folder}{os.sep}{row['mask_path']}",) if row.get("mask_path") else ()
                rows.append(Picture(image, category, anomaly, mask, part="" if anomaly else part, labels=True))
    except (KeyError, TypeError) as error:
        raise UsageError(_("{file} is not a table of Real-IAD: {error!r}", file=file, error=error)) from error
    return rows


def read_flat(good: str | None, images: str, masks: str, category: str, anomaly: str) -> Read:
    """Folders of a user's own. `images` and `masks` may be one folder, and may hold a folder for each anomaly."""
    if good is not None:
        yield from (Picture(image, category) for image in images_below(good))
    kinds = [name for name in folders_in(images) if name.lower() not in _MASKS]
    for kind in kinds:
        place = f"{images}{os.sep}{kind}"
        if good is not None and os.path.realpath(place) == os.path.realpath(good):
            continue
        if kind.lower() in NORMAL:
            yield from (Picture(image, category) for image in images_in(place))
        elif images_in(place):
            yield from with_masks(images_in(place), inside(masks, kind), category, kind)
    found = images_in(images)
    if os.path.realpath(images) == os.path.realpath(masks):
        marks = [path for path in found if looks_like_mask(path)]
        found = [path for path in found if path not in set(marks)]
        pairs = match(found, [(path, stem_of(path)) for path in marks])
    else:
        pairs = pair(found, masks)
    yield from (Picture(image, category, anomaly, pairs.masks.get(image, ())) for image in found)
    yield from pairs.left if found else ()
    yield from (Left(path, _("not an image")) for path in files_in(images) if not is_image(path))


def flat_folders(folder: str) -> tuple[str | None, str, str] | None:
    """The folders of good images, of anomalous ones and of masks in `folder`, by their names; None where unclear."""
    names = {name.lower(): f"{folder}{os.sep}{name}" for name in folders_in(folder)}
    good = [names[name] for name in names if name in NORMAL]
    images = [names[name] for name in names if name in _DEFECTIVE]
    masks = [names[name] for name in names if name in _MASKS]
    if len(good) <= 1 and len(images) == 1 and len(masks) == 1:
        return (good[0] if good else None), images[0], masks[0]
    marked = [path for path in images_in(folder) if looks_like_mask(path)]
    if marked and len(marked) < len(images_in(folder)) and len(good) <= 1:
        return (good[0] if good else None), folder, folder
    return None


def read_json(file: str) -> Any:
    """A data set's own JSON. Raises UsageError where it cannot be read."""
    try:
        if os.path.getsize(file) > _MAX_TEXT:
            raise UsageError(_("{file} is larger than any such table", file=file))
        with open(file, encoding="utf-8-sig") as text:
            return json.load(text)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(_("{file} cannot be read: {error}", file=file, error=error)) from error
