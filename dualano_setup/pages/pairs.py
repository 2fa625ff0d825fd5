"""Generated pairs as their manifest tells them: which were accepted, why others were not, what a person decided."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..language import N_, _
from ..system.files import read_part
from .pictures import THUMBNAILS, Album, Picture

MANIFEST = "manifest.jsonl"
IMAGE, PART, MASK, REJECTED = "image", "fg", "mask", "rejected"
REASONS = {
    "background": N_("all of the part frame is background"),
    "empty": N_("the part frame shows no anomaly"),
    "faint": N_("the anomaly is faint"),
    "not-shown": N_("the whole image does not show what its part shows"),
    "border": N_("the mask touches the image's border"),
    "size": N_("the mask's size is unlike the training masks'"),
    "thickness": N_("the mask is thicker or thinner than the training masks"),
    "place": N_("the mask lies off the object"),
    "unlike": N_("the anomaly's colours are unlike the training ones'"),
    "copy": N_("a copy of a training image"),
}
"""What the trainer's ids of reasons mean."""
_MAX_MANIFEST = 256 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Pair:
    """One record of the manifest; `row` is the whole of it."""

    index: int
    file: str
    rejected: str
    quality: float | None
    mask_area: float | None
    reasons: tuple[str, ...]
    measures: tuple[tuple[str, float], ...]
    row: dict[str, Any]

    @property
    def review(self) -> dict[str, Any]:
        """What a person decided."""
        review = self.row.get("review")
        return review if isinstance(review, dict) else {}

    @property
    def verdict(self) -> str:
        """A person's: "accepted", "rejected", or "" without one."""
        said = self.review.get("verdict")
        return str(said) if said in ("accepted", "rejected") else ""

    @property
    def accepted(self) -> bool:
        """What a person said, else what was measured."""
        return self.verdict == "accepted" if self.verdict else not self.rejected

    @property
    def why(self) -> str:
        """Why it was rejected, in words."""
        return ", ".join(reason_in_words(reason) for reason in self.reasons)

    @property
    def nearest(self) -> str:
        """The training image most like it, where that was looked for."""
        name = self.row.get("nearest_training")
        return name if isinstance(name, str) else ""

    @property
    def stem(self) -> str:
        """The name of its files without the ending."""
        return Path(self.file).stem

    def files(self, folder: Path) -> dict[str, Path]:
        """Where its image, part and mask are; a painted mask takes the place of the other."""
        base = folder / REJECTED if self.rejected else folder
        files = {kind: base / kind / self.file for kind in (IMAGE, PART, MASK)}
        painted = self.review.get("mask")
        if isinstance(painted, str) and painted.startswith("review/") and Path(painted).name == painted[7:]:
            files[MASK] = folder / painted
        return files


@dataclass(frozen=True, slots=True)
class ShownPair:
    """A pair with its pictures, None where there is none to show."""

    pair: Pair
    image: Picture | None
    part: Picture | None
    mask: Picture | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Numbers over all pairs of a folder."""

    total: int
    accepted: int
    reviewed: int
    reasons: tuple[tuple[str, int], ...]
    quality: tuple[float, ...]  # of accepted pairs, in order

    @property
    def middle(self) -> float | None:
        """The median quality of accepted pairs."""
        return self.quality[len(self.quality) // 2] if self.quality else None


def read_pairs(folder: Path) -> list[Pair]:
    """The pairs of a folder by index; a line that is none (half written, another's) is passed over."""
    try:
        text = read_part(folder / MANIFEST, _MAX_MANIFEST).decode("utf-8", "replace")
    except OSError:
        return []
    found: dict[int, Pair] = {}
    for line in text.split("\n"):
        if (pair := parse(line)) is not None:
            found[pair.index] = pair
    return [found[index] for index in sorted(found)]


def parse(line: str) -> Pair | None:
    """The pair of a line; None where it is not one: its file's name must not lead away from the folder."""
    try:
        row = json.loads(line)
        index, file, rejected = row["index"], row["file"], row.get("rejected")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if type(index) is not int or not isinstance(file, str) or not isinstance(rejected, (str, type(None))):
        return None
    if Path(file).name != file or file in ("", "..") or "\0" in file:
        return None
    reasons, measures = row.get("reasons"), row.get("measures")
    given = tuple(str(reason) for reason in reasons) if isinstance(reasons, list) else ()
    numbers = measures.items() if isinstance(measures, dict) else ()
    return Pair(
        index,
        file,
        rejected or "",
        _share(row.get("quality")),
        _share(row.get("mask_area")),
        given or ((rejected,) if rejected else ()),
        tuple((str(name), value) for name, number in numbers if (value := _share(number)) is not None),
        row,
    )


def summary(pairs: Sequence[Pair]) -> Summary:
    """What is to be said of all of them."""
    accepted = [pair for pair in pairs if pair.accepted]
    reasons = Counter(reason_in_words(reason) for pair in pairs if not pair.accepted for reason in pair.reasons)
    quality = sorted(pair.quality for pair in accepted if pair.quality is not None)
    reviewed = sum(bool(pair.verdict) for pair in pairs)
    return Summary(len(pairs), len(accepted), reviewed, tuple(reasons.most_common()), tuple(quality))


def reason_in_words(reason: str) -> str:
    """The reason of an id; what is none stays as it is."""
    return _(REASONS[reason]) if reason in REASONS else reason


def chosen(pairs: Sequence[Pair], most: int, rejected: int) -> tuple[list[Pair], list[Pair]]:
    """Which accepted and which rejected pairs are shown, evenly over all; `rejected` of these, `most` in all."""
    good, bad = [pair for pair in pairs if pair.accepted], [pair for pair in pairs if not pair.accepted]
    some_bad = _evenly(bad, max(rejected, most - len(good)))
    return _evenly(good, most - len(some_bad)), some_bad


def shown(folder: Path, pairs: Sequence[Pair], album: Album) -> Iterator[ShownPair]:
    """The pairs with their small pictures."""
    for pair in pairs:
        files = pair.files(folder)
        small = folder / THUMBNAILS
        image = album.first((small / IMAGE / f"{pair.stem}.jpg", files[IMAGE]))
        part = album.first((small / PART / f"{pair.stem}.jpg", files[PART]))
        painted = pair.review.get("mask")
        of_mask = (files[MASK],) if painted else (small / MASK / f"{pair.stem}.png", files[MASK])
        yield ShownPair(pair, image, part, album.first(of_mask) if image else None)


def without_small_copy(folder: Path, pairs: Sequence[Pair]) -> bool:
    """Whether one of these has none, and its picture is too large to be taken as it is."""
    return any(not (folder / THUMBNAILS / IMAGE / f"{pair.stem}.jpg").is_file() for pair in pairs)


def _evenly(pairs: Sequence[Pair], most: int) -> list[Pair]:
    count = min(len(pairs), max(0, most))
    return [pairs[number * len(pairs) // count] for number in range(count)]


def _share(value: object) -> float | None:
    return float(value) if type(value) in (int, float) and math.isfinite(value) else None  # type: ignore[arg-type]
