"""A miniature base model and data set, so that everything can be tried in seconds and without downloads.

Either with random weights, or the base model that was trained and data of a category that it never saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import TrainerError
from ..files.folders import made_aside, refuse_non_empty
from .base import TRAINED_BASE, write_base_model
from .data import CATEGORY, DEFECTS, write_dataset
from .model import write_model
from .world.categories import JUDGING_CATEGORIES, TUNING_CATEGORIES, write_category
from .world.scene import KINDS, SIDE

UNSEEN_CATEGORIES = TUNING_CATEGORIES + JUDGING_CATEGORIES


@dataclass(frozen=True, slots=True)
class MiniatureSettings:
    """What to make.

    Attributes:
        model: folder for the base model.
        data: root of the data set in the MVTec AD layout.
        foreground: root of the object masks.
        seed: the same seed gives the same files.
        size: side of the model's images, in pixels; the pictures are twice as large.
        trained: an unseen category: the trained model, of its own size, and pictures of that size.
    """

    model: Path
    data: Path
    foreground: Path
    seed: int = 0
    size: int = 64
    trained: str | None = None


def make_miniature(settings: MiniatureSettings) -> None:
    """Make all three folders, each complete or not at all.

    Raises:
        TrainerError: a folder holds something already, folders coincide, or the size does not suit the model.
    """
    if settings.size < 64 or settings.size % 64:
        raise TrainerError(
            f"--size is {settings.size}; expected a multiple of 64, since the network halves latents thrice."
        )
    if settings.seed < 0:
        raise TrainerError(f"--seed is {settings.seed}; expected 0 or more.")
    targets = (settings.model, settings.data, settings.foreground)
    if len({path.absolute() for path in targets}) < len(targets):
        raise TrainerError("--model, --data and --foreground must be three different folders.")
    for path in targets:
        refuse_non_empty(path)
    category, kinds = (settings.trained, KINDS) if settings.trained else (CATEGORY, tuple(DEFECTS))
    with made_aside(settings.data) as data, made_aside(settings.foreground) as foreground:
        if settings.trained:
            count = write_category(category, data, foreground, seed=settings.seed)
        else:
            count = write_dataset(data, foreground, side=2 * settings.size, seed=settings.seed)
    print(f"data: {count} images of `{category}` ({', '.join(kinds)}) in {settings.data}")
    print(f"foreground: object masks in {settings.foreground}", flush=True)
    with made_aside(settings.model) as model:
        if settings.trained:
            write_base_model(TRAINED_BASE, model)
        else:
            write_model(model, size=settings.size, seed=settings.seed)
    what = f"{SIDE} px, trained on drawn pictures" if settings.trained else f"{settings.size} px, random weights"
    print(f"model: {what}, in {settings.model}", flush=True)
