"""COCO instances: one annotation for each connected component, its mask as run lengths, which lose nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.images import image_size
from ..masks.regions import components
from .files import copy, detection_images
from .source import ExportSource


def write(sources: Sequence[ExportSource], folder: Path) -> None:
    """Write `images/{train,val}` and `annotations/instances_{train,val}.json`."""
    for part in ("train", "val"):
        document = _document(sources, part, folder / "images" / part)
        path = folder / "annotations" / f"instances_{part}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document), encoding="utf-8")


def run_lengths(mask: npt.NDArray[np.bool_]) -> list[int]:
    """COCO's uncompressed code: lengths of alternating runs of 0 and 1, column by column, a run of 0 first."""
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    lengths = np.diff(np.concatenate([[0], changes, [flat.size]])).tolist()
    return [0, *lengths] if flat[0] else lengths


def _document(sources: Sequence[ExportSource], part: str, images: Path) -> dict[str, Any]:
    """Copy the images of one part and describe them."""
    category = sources[0].category
    document: dict[str, Any] = {
        "info": {"description": f"{category} {' '.join(source.anomaly for source in sources)}, {part}"},
        "licenses": [],
        "categories": [
            {"id": number, "name": name, "supercategory": category} for number, name in enumerate(sources[0].classes, 1)
        ],
        "images": [],
        "annotations": [],
    }
    for number, (name, path, pair, kind) in enumerate(detection_images(sources, part), 1):
        copy(path, images / name)
        width, height = image_size(path)
        document["images"].append({"id": number, "file_name": name, "width": width, "height": height})
        for component in components(pair.load_mask()) if pair else []:
            annotation = _annotation(component, number, len(document["annotations"]) + 1, kind + 1)
            document["annotations"].append(annotation)
    return document


def _annotation(component: npt.NDArray[np.bool_], image: int, number: int, kind: int) -> dict[str, Any]:
    """One component's annotation."""
    rows, columns = np.flatnonzero(component.any(axis=1)), np.flatnonzero(component.any(axis=0))
    left, top = int(columns[0]), int(rows[0])
    return {
        "id": number,
        "image_id": image,
        "category_id": kind,
        "iscrowd": 0,
        "area": int(component.sum()),
        "bbox": [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1],
        "segmentation": {"counts": run_lengths(component), "size": list(component.shape)},
    }
