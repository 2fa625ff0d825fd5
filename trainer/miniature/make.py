"""A miniature base model and data set, so that everything can be tried in seconds and without downloads.

    python -m trainer.miniature --model DIR --data DIR --foreground DIR [--seed N] [--size 64]

The weights are random and the pictures are drawn: what comes out of training on them proves that training
works, and is no picture of anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import TrainerError
from ..files.folders import made_aside, refuse_non_empty
from .data import CATEGORY, DEFECTS, write_dataset
from .model import write_model


@dataclass(frozen=True, slots=True)
class MiniatureSettings:
    """What to make.

    Attributes:
        model: folder for the base model.
        data: root of the data set in the MVTec AD layout.
        foreground: root of the object masks.
        seed: the same seed gives the same files.
        size: side of the model's images, in pixels; the pictures are twice as large.
    """

    model: Path
    data: Path
    foreground: Path
    seed: int = 0
    size: int = 64


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
    with made_aside(settings.data) as data, made_aside(settings.foreground) as foreground:
        count = write_dataset(data, foreground, side=2 * settings.size, seed=settings.seed)
    print(f"data: {count} images of `{CATEGORY}` ({', '.join(DEFECTS)}) in {settings.data}")
    print(f"foreground: object masks in {settings.foreground}", flush=True)
    with made_aside(settings.model) as model:
        write_model(model, size=settings.size, seed=settings.seed)
    print(f"model: {settings.size} px, random weights, in {settings.model}", flush=True)
