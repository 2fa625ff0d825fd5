"""The categories that the base model never sees, written as data sets in the MVTec AD layout."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from .draws import Draws
from .objects import JUDGING, TUNING
from .scene import KINDS, Look, Picture, Pixels, any_look, draw

#: Three to tune on and three to judge by.
TUNING_CATEGORIES, JUDGING_CATEGORIES = tuple(TUNING), tuple(JUDGING)


def category_look(category: str) -> Look:
    """What every picture of a category has in common; plain surfaces, as a few pictures must suffice to learn them."""
    draws = Draws("category", category)
    look = any_look(draws, (category,))
    return Look(look.object, look.colour, "plain", look.ground, "plain", look.proportions, turned=False)


def draw_category(category: str, kind: str | None, seed: int, index: int) -> Picture:
    """Picture `index` of a category, with an anomaly of that kind or without."""
    return draw((category, kind or "good", seed, index), category_look(category), kind)


def write_category(
    category: str,
    data: Path,
    foreground: Path,
    *,
    seed: int,
    good: int = 12,
    each: int = 9,
    kinds: tuple[str, ...] = KINDS,
) -> int:
    """Write `<data>/<category>/...` and the object masks `<foreground>/<category>/<kind>/...`.

    Args:
        category: one of the unseen ones.
        data: root of the data set.
        foreground: root of the object masks; `good` holds those of `train/good`.
        seed: the same seed gives the same pixels.
        good: pictures in `train/good`, and in `test/good`.
        each: pictures of each kind; the trainer's usual choice trains on the first third.
        kinds: of anomaly.

    Returns:
        Number of pictures written.
    """
    parts: list[tuple[str, str | None, int]] = [("train/good", None, good), ("test/good", None, good)]
    parts += [(f"test/{kind}", kind, each) for kind in kinds]
    for place, kind, count in parts:
        for index in range(count):
            picture = draw_category(category, kind, seed, index + (good if place == "test/good" else 0))
            name = f"{index:03d}"
            _save(picture.image, data / category / place / f"{name}.png")
            if kind:
                _save(picture.anomaly_mask, data / category / "ground_truth" / kind / f"{name}_mask.png")
            if place != "test/good":
                _save(picture.object_mask, foreground / category / (kind or "good") / f"{name}.png")
    return sum(count for _, _, count in parts)


def _save(pixels: Pixels, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
