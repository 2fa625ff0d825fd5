"""Whether what is tested on was trained on, re-encoded or resized too; images twice; masks inverted.

Two files are one photograph where their fine structure is the same: what is left of the grey images without their blur
correlates above 0.93, and the colours of their 12 x 12 areas are within 12 of 255. They are compared at half the
smaller
one's size, at most 192 pixels; other photographs of the same object share its outline there, but neither noise nor
texture. Turned, mirrored and cropped copies are not found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from ..data.images import read_image
from ..data.measure import measure_mask
from ..data.split import find_leaks
from ..errors import TrainerError
from ..export.source import Pair
from .sources import CategoryData

#: Sides at which pictures are compared, the finest that both suffice for; the first is for all, at two sides at once.
_SCALES: tuple[tuple[int, ...], ...] = ((48, 32), (96,), (192,))
_COARSE = 12
#: Least correlation of the fine structure, and the largest mean difference of the coarse colours.
SAME_STRUCTURE, SAME_COLOURS = 0.93, 12.0
_FLAT = 0.35  # of 255: deviation below which a picture has no fine structure to compare


@dataclass(frozen=True, slots=True)
class Looks:
    """What N pictures look like.

    Attributes:
        fine: for each scale float32 (N, its pixels), of length 1, or 0 where a picture is too small or has no
        structure.
        finest: (N,), the finest scale that each suffices for.
        coarse: float32 (N, 12 * 12 * 3), 0 to 255.
    """

    fine: tuple[npt.NDArray[np.float32], ...]
    finest: npt.NDArray[np.int64]
    coarse: npt.NDArray[np.float32]


def looks(paths: Sequence[Path]) -> Looks:
    """Of picture files."""
    fine = tuple(np.zeros((len(paths), sum(side * side for side in sides)), np.float32) for sides in _SCALES)
    finest = np.zeros(len(paths), np.int64)
    coarse = np.zeros((len(paths), _COARSE * _COARSE * 3), np.float32)
    for row, path in enumerate(paths):
        image = read_image(path)
        coarse[row] = np.asarray(image.resize((_COARSE, _COARSE), Image.Resampling.BOX), np.float32).reshape(-1)
        grey = image.convert("L")
        for scale, sides in enumerate(_SCALES):
            if not scale or min(image.size) >= 2 * sides[0]:
                finest[row] = scale
                fine[scale][row] = np.concatenate([_structure(grey, side) for side in sides]) / len(sides) ** 0.5
    return Looks(fine, finest, coarse)


def _structure(grey: Image.Image, side: int) -> npt.NDArray[np.float32]:
    """What a blur takes away, of length 1; zeros where that is nothing."""
    small = grey.resize((side, side), Image.Resampling.BOX)
    left = np.asarray(small, np.float32) - np.asarray(small.filter(ImageFilter.BoxBlur(2)), np.float32)
    left = (left - left.mean()).reshape(-1)
    length = float(np.sqrt((left**2).sum()))
    return np.asarray(left / length if length > _FLAT * side else 0 * left)


def same_photographs(one: Looks, other: Looks) -> list[tuple[int, int]]:
    """Places (in one, in other) of pictures that are the same photograph."""
    found: list[tuple[int, int]] = []
    for scale, (a, b) in enumerate(zip(one.fine, other.fine, strict=True)):
        shared = np.minimum(one.finest[:, None], other.finest[None]) == scale
        if shared.any():
            near = np.argwhere((a @ b.T > SAME_STRUCTURE) & shared)
            found += [(int(i), int(j)) for i, j in near]
    return [(i, j) for i, j in found if np.abs(one.coarse[i] - other.coarse[j]).mean() < SAME_COLOURS]


@dataclass(frozen=True, slots=True)
class Checks:
    """What was found in one category; empty lists are what is wanted.

    Attributes:
        leaks: (training image, test image), the same bytes or the same photograph.
        twice: (test image, test image).
        inverted: test and generated masks that mark all but the anomaly.
        memorised: (training image, generated image): generated near-duplicates of training images.
        copied: (test image, generated image): generated near-duplicates of test images.
    """

    leaks: tuple[tuple[str, str], ...]
    twice: tuple[tuple[str, str], ...]
    inverted: tuple[str, ...]
    memorised: tuple[tuple[str, str], ...]
    copied: tuple[tuple[str, str], ...]


def check(category: CategoryData) -> Checks:
    """Look at every picture and mask of a category."""
    trained = [pair.image for anomaly in category.anomalies for pair in anomaly.trained] + [*category.train_good]
    tested = [pair.image for anomaly in category.anomalies for pair in anomaly.test] + [*category.test_good]
    made = [pair.image for anomaly in category.anomalies for pair in anomaly.generated]
    of_trained, of_tested, of_made = looks(trained), looks(tested), looks(made)

    def pairs(one: Sequence[Path], other: Sequence[Path], a: Looks, b: Looks) -> tuple[tuple[str, str], ...]:
        found = {(str(one[i]), str(other[j])) for i, j in same_photographs(a, b)}
        same = {(str(x), str(y)) for x, y in find_leaks(one, other)}
        return tuple(sorted(found | same))

    within = pairs(tested, tested, of_tested, of_tested)
    return Checks(
        leaks=pairs(trained, tested, of_trained, of_tested),
        twice=tuple((a, b) for a, b in within if a < b),
        inverted=inverted([pair for one in category.anomalies for pair in (*one.test, *one.trained, *one.generated)]),
        memorised=pairs(trained, made, of_trained, of_made),
        copied=pairs(tested, made, of_tested, of_made),
    )


def inverted(pairs: Sequence[Pair]) -> tuple[str, ...]:
    """The masks that mark more than half of the picture and more than half of its border."""
    measured = {str(pair.mask): measure_mask(pair.mask) for pair in pairs}
    return tuple(sorted(path for path, numbers in measured.items() if numbers.white > 0.5 and numbers.border > 0.5))


def refuse(category: str, checks: Checks) -> None:
    """Fail where results would say nothing.

    Raises:
        TrainerError: training images are tested on, an image is tested on twice, or masks are inverted.
    """
    problems = []
    if checks.leaks:
        problems.append(f"{len(checks.leaks)} test images are training images ({_shown(checks.leaks)})")
    if checks.twice:
        problems.append(f"{len(checks.twice)} test images are there twice ({_shown(checks.twice)})")
    if checks.inverted:
        names = ", ".join(checks.inverted[:3])
        problems.append(f"{len(checks.inverted)} masks are white where nothing is wrong, so inverted ({names})")
    if problems:
        raise TrainerError(
            f"{category}: {'; '.join(problems)}. Re-encoded and resized copies count. Results on them say nothing: "
            "remove "
            "the copies, invert the masks, or name what really trained by --trained_on. --allow_leakage evaluates "
            "all the "
            "same, and the result says so."
        )


def _shown(pairs: Sequence[tuple[str, str]]) -> str:
    more = f"; and {len(pairs) - 3} more" if len(pairs) > 3 else ""
    return "; ".join(f"{b} = {a}" for a, b in pairs[:3]) + more
