"""Which anomalous images train, which are left for testing, and the check that no image does both.

Three rules choose the training images of an anomaly type with n images:

* `sorted`: the first ceil(n/3) by name. The default.
* `paper`: what upstream does. With the background module the first ceil(n/3) in the order in which the
  file system lists the folder; without it the first m by name, m = floor(n/3), one more if m itself is
  not divisible by 3. Upstream tests on the sorted list without its first floor(n/3), so training images
  can be tested on.
* `all`: every image, for people who test on other data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from ..content.share import Rule, training_count
from ..errors import TrainerError
from ..files.reading import content_hash
from ..variant import Variant
from .images import list_images


@dataclass(frozen=True, slots=True)
class Split:
    """The images of one anomaly type that train and those that are tested on."""

    train: tuple[Path, ...]
    test: tuple[Path, ...]


def parse_rule(name: str) -> Rule:
    """The rule of that name.

    Raises:
        TrainerError: there is none.
    """
    if name not in get_args(Rule):
        raise TrainerError(f"Unknown selection {name!r}; expected one of {', '.join(get_args(Rule))}.")
    return cast("Rule", name)


def select_training(folder: Path, rule: Rule, variant: Variant) -> tuple[Path, ...]:
    """The images of `folder` that train.

    Raises:
        TrainerError: no images, or fewer than the rule can choose from.
    """
    unsorted = rule == "paper" and variant == "bcm"
    files = list_images(folder, in_listing_order=unsorted)
    count = training_count(len(files), rule, variant)
    if not count:
        raise TrainerError(
            f"{folder} holds {len(files)} images, of which the rule `{rule}` ({variant}) takes none; "
            "expected at least 3. Add images or choose the rule `sorted`."
        )
    return files[:count]


def make_split(folder: Path, protocol: Literal["strict", "paper"], variant: Variant = "bcm") -> Split:
    """Training and test images of `folder`.

    `strict`: the rule `sorted`, and everything else is tested on. `paper`: the rule `paper`, tested on the
    sorted list without its first floor(n/3); call `check_leakage` on the result.

    Raises:
        TrainerError: as `select_training`, or nothing is left to test on.
    """
    files = list_images(folder)
    if protocol == "strict":
        train = select_training(folder, "sorted", variant)
        test = files[len(train) :]
    else:
        train = select_training(folder, "paper", variant)
        test = files[len(files) // 3 :]
    if not test:
        raise TrainerError(f"{folder} holds {len(files)} images and all of them train; nothing is left to test on.")
    return Split(train, test)


def find_leaks(train: Sequence[Path], test: Sequence[Path]) -> tuple[tuple[Path, Path], ...]:
    """Pairs (training image, test image) with the same bytes, whatever their names and folders."""
    trained = {content_hash(path): path for path in train}
    pairs = ((trained.get(content_hash(path)), path) for path in test)
    return tuple((source, path) for source, path in pairs if source is not None)


def check_leakage(train: Sequence[Path], test: Sequence[Path]) -> None:
    """Fail when a test image was trained on.

    Raises:
        TrainerError: names the images.
    """
    leaks = find_leaks(train, test)
    if not leaks:
        return
    shown = "; ".join(f"{tested} = {source}" for source, tested in leaks[:5])
    more = f"; and {len(leaks) - 5} more" if len(leaks) > 5 else ""
    raise TrainerError(
        f"Leakage: {len(leaks)} of {len(test)} test images are training images ({shown}{more}). "
        "Results measured on them say nothing. Use the split `strict`, or remove the duplicates."
    )
