"""Many pictures at once, drawn by as many processes as there are cores."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from .captions import part_caption, whole_caption
from .draws import Draws
from .objects import OBJECTS
from .scene import KINDS, SIDE, Picture, Pixels, draw_any

_CHUNK = 250


@dataclass(frozen=True, slots=True)
class Pictures:
    """N pictures with their truth.

    Attributes:
        images: (N, 128, 128, 3).
        masks: (N, 128, 128), 255 = anomaly.
        objects: (N, 128, 128), 255 = object.
        kinds: (N,), the anomaly's place in `KINDS` plus 1, or 0 for none.
        captions: of the whole pictures.
        part_captions: of the anomaly alone on grey; empty where there is none.
    """

    images: Pixels
    masks: Pixels
    objects: Pixels
    kinds: Pixels
    captions: list[str]
    part_captions: list[str]


def draw_many(
    seed: int, count: int, objects: tuple[str, ...] = tuple(OBJECTS), processes: int | None = None
) -> Pictures:
    """Draw `count` pictures of any of the `objects`; picture i is the same however many there are.

    Args:
        seed: of all of them.
        count: how many.
        objects: names in `objects`.
        processes: how many draw (all cores).
    """
    starts = range(0, count, _CHUNK)
    work: Callable[[int], list[Picture]] = partial(_chunk, seed, count, objects)
    images = np.empty((count, SIDE, SIDE, 3), np.uint8)
    masks, object_masks = np.empty((2, count, SIDE, SIDE), np.uint8)
    kinds = np.zeros(count, np.uint8)
    captions: list[str] = []
    parts: list[str] = []
    with ProcessPoolExecutor(processes or os.cpu_count()) as pool:
        for start, pictures in zip(starts, pool.map(work, starts), strict=True):
            for index, picture in enumerate(pictures, start):
                draws = Draws("captions", seed, index)
                images[index], masks[index], object_masks[index] = (
                    picture.image,
                    picture.anomaly_mask,
                    picture.object_mask,
                )
                kinds[index] = KINDS.index(picture.kind) + 1 if picture.kind else 0
                captions.append(whole_caption(draws, picture))
                parts.append(part_caption(draws, picture) if picture.kind else "")
    return Pictures(images, masks, object_masks, kinds, captions, parts)


def _chunk(seed: int, count: int, objects: tuple[str, ...], start: int) -> list[Picture]:
    return [draw_any((seed, index), objects) for index in range(start, min(start + _CHUNK, count))]
