"""YOLO segmentation: one polygon for each connected component, empty label files for good images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..masks.regions import components, load_opencv
from .files import copy, detection_images
from .source import ExportSource

#: Outlines are traced on a mask enlarged so much, so that they run along pixel edges; traced through pixel
#: centres, a scratch two pixels wide would become a line without area.
_ENLARGED = 4


def write(sources: Sequence[ExportSource], folder: Path, final: Path) -> None:
    """Write `images/`, `labels/` and `data.yaml`.

    Args:
        sources: what is exported.
        folder: where it is written.
        final: where it will be; `data.yaml` names it.
    """
    for part in ("train", "val"):
        labels = folder / "labels" / part
        labels.mkdir(parents=True)
        for name, path, pair, kind in detection_images(sources, part):
            copy(path, folder / "images" / part / name)
            shapes = [outline(component) for component in components(pair.load_mask())] if pair else []
            text = "".join(f"{kind} {' '.join(f'{value:.6f}' for value in shape.ravel())}\n" for shape in shapes)
            (labels / f"{Path(name).stem}.txt").write_text(text, encoding="utf-8")
    (folder / "data.yaml").write_text(
        # JSON's strings are YAML's, and quote whatever a path may hold.
        f"path: {json.dumps(str(final.absolute()))}\n"
        "train: images/train\nval: images/val\n"
        "names:\n" + "".join(f"  {number}: {json.dumps(name)}\n" for number, name in enumerate(sources[0].classes)),
        encoding="utf-8",
    )


def outline(component: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """The outer outline of one component, (K, 2) of x and y as shares of width and height; holes are filled.

    The format has no holes.
    """
    cv2 = load_opencv()
    height, width = component.shape
    rows, columns = np.flatnonzero(component.any(axis=1)), np.flatnonzero(component.any(axis=0))
    top, left = rows[0], columns[0]
    cut = component[top : rows[-1] + 1, left : columns[-1] + 1].astype(np.uint8)
    enlarged = np.pad(cut.repeat(_ENLARGED, axis=0).repeat(_ENLARGED, axis=1), 1)
    found, _ = cv2.findContours(enlarged, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    longest = max(found, key=len)
    points = cv2.approxPolyDP(longest, 1.0, closed=True)[:, 0].astype(np.float64)
    # Back from the padded, enlarged cut-out; a traced point is the centre of an enlarged pixel.
    points = (points - 1 + 0.5) / _ENLARGED + (left, top)
    return np.clip(points / (width, height), 0, 1)
