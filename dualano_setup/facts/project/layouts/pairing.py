"""Which masks belong to which image, by their names: one stem with anything before or after it, several masks an image.

`007.png` has `007_mask.png`, `mask-007.PNG`, `007_mask1.png` and `007_mask2.png`, or all images in a folder `007/`; of
`img_007.jpg` and `gt_007.png`, where no name holds the other, the common beginning and end are taken off first.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence

from ....language import _
from ....light_dataclasses import dataclass
from .picture import Left, folders_in, images_in, stem_of

_TOKEN = re.compile(r"\d+|[^\W\d_]+|.", re.DOTALL)
_MASK_WORD = re.compile(r"(?:^|[^a-z])(?:masks?|gt|ground_?truth|labels?|seg(?:mentation)?)(?:[^a-z]|$)")


@dataclass(frozen=True, slots=True)
class Pairs:
    """The masks of each image (by its path), and the masks that belong to none."""

    masks: dict[str, tuple[str, ...]]
    left: tuple[Left, ...]


def pair(images: Sequence[str], folder: str) -> Pairs:
    """Pairs images with the masks in `folder`: files, or folders of files that bear the images' names."""
    masks = [(path, stem_of(path)) for path in images_in(folder)]
    for name in folders_in(folder):
        inner = f"{folder}{os.sep}{name}"
        masks += [(path, stem_of(f"{name}.")) for path in images_in(inner)]
    return match(images, masks)


def match(images: Sequence[str], masks: Sequence[tuple[str, str]]) -> Pairs:
    """Pairs images with masks, each a path and the stem that tells whose it is."""
    by_stem: dict[str, str] = {}
    for image in images:
        by_stem.setdefault(stem_of(image).casefold(), image)
    found = {path: _held(stem.casefold(), by_stem) for path, stem in masks}
    if not any(found.values()):
        by_rest = {rest: by_stem[stem] for stem, rest in _without_affixes(list(by_stem)).items()}
        rests = _without_affixes([stem.casefold() for _path, stem in masks])
        found = {path: _held(rests[stem.casefold()], by_rest) for path, stem in masks}
    common = Counter(affix for held in found.values() if len(held) == 1 for affix, _image in held)
    taken: dict[str, tuple[str, ...]] = {}
    left = []
    for path, held in found.items():
        likely = sorted(held, key=lambda one: -common[one[0]])
        if not held:
            left.append(Left(path, _("no image has a name that fits this mask's")))
        elif len(likely) > 1 and common[likely[0][0]] == common[likely[1][0]]:
            left.append(Left(path, _("its name fits several images")))
        else:
            taken[likely[0][1]] = (*taken.get(likely[0][1], ()), path)
    return Pairs(taken, tuple(left))


def looks_like_mask(path: str) -> bool:
    """Whether a file's name says that it is a mask (`007_mask.png`, `gt-3.png`)."""
    return bool(_MASK_WORD.search(stem_of(path).casefold()))


def _held(stem: str, by_stem: dict[str, str]) -> list[tuple[tuple[str, str], str]]:
    """The longest image stems within a mask's stem, each with what stands before and after it, and its image.

    A number or a word is only held as a whole: image `1` is not in mask `11`.
    """
    if stem in by_stem:
        return [(("", ""), by_stem[stem])]
    ends = [0]
    for token in _TOKEN.findall(stem)[:64]:
        ends.append(ends[-1] + len(token))
    spans = [(start, end) for start in ends for end in ends if end > start and stem[start:end] in by_stem]
    longest = max((end - start for start, end in spans), default=0)
    best = [(start, end) for start, end in spans if end - start == longest]
    return [((stem[:start], stem[end:]), by_stem[stem[start:end]]) for start, end in best]


def _without_affixes(stems: list[str]) -> dict[str, str]:
    """Each stem without what all of them begin and end with; numbers stay whole."""
    if len(stems) < 2:
        return {stem: stem for stem in stems}
    start = os.path.commonprefix(stems).rstrip("0123456789")  # noqa: RUF071 - characters are meant
    ends = [stem[len(start) :][::-1] for stem in stems]
    end = os.path.commonprefix(ends).rstrip("0123456789")  # noqa: RUF071
    return {stem: stem[len(start) : len(stem) - len(end)] for stem in stems}
