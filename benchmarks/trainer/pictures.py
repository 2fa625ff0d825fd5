"""A made-up data set: noise with a rectangular anomaly, and another rectangle for the object."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def make_pictures(root: Path, *, pixels: int, count: int = 4, good: int = 0) -> None:
    """Write category `widget` with anomaly `scratch`: `data/` in MVTec's layout, `masks/` with the objects.

    Args:
        root: an existing folder.
        pixels: side of the square images.
        count: anomalous images.
        good: good images for training, as backgrounds of generated ones.
    """
    rng = np.random.default_rng(0)
    box = np.zeros((pixels, pixels), dtype=np.uint8)
    box[pixels // 4 : pixels // 2, pixels // 4 : pixels // 2] = 255
    anomaly, thing = Image.fromarray(box), Image.fromarray(np.roll(box, pixels // 8, 0))
    widget = root / "data" / "widget"
    for images, objects, number in (
        (widget / "test" / "scratch", "scratch", count),
        (widget / "train" / "good", "good", good),
    ):
        for index in range(number):
            noise = rng.integers(0, 256, (pixels // 8, pixels // 8, 3), dtype=np.uint8)
            picture = Image.fromarray(noise).resize((pixels, pixels), Image.Resampling.BILINEAR)
            save(picture, images / f"{index:03}.png")
            save(thing, root / "masks" / "widget" / objects / f"{index:03}.png")
    for index in range(count):
        save(anomaly, widget / "ground_truth" / "scratch" / f"{index:03}_mask.png")


def save(picture: Image.Image, path: Path) -> None:
    """Write one file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, compress_level=1)
