"""The manifest of generated pairs: one JSON object a line, written after the pair's files are on the disk."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..errors import TrainerError
from ..files.atomic import write_atomically
from ..files.reading import append_to, read_lines, read_text

MANIFEST, SETTINGS, SUMMARY = "manifest.jsonl", "generation.json", "summary.json"
#: The scheme of `conditions.SharedConditions`, by its name in SETTINGS; without a name it is the authors'.
SHARED = "shared"
#: What has a line only where it says something: the gate's notes and a person's decision.
_NOTED_LATER = ("reasons", "measures", "nearest_training", "review")
#: Folders of accepted pairs, parallel to one another by file name; rejected ones go below `REJECTED`.
IMAGE, PART, MASK, REJECTED = "image", "fg", "mask", "rejected"
#: Where `dualano-doctor review` puts masks painted by hand.
_PAINTED = re.compile(r"review/\d{1,12}-\d{1,6}\.png", re.ASCII)


@dataclass(frozen=True, slots=True)
class Record:
    """One generated pair.

    Attributes:
        index: its number; with `seed` it determines every random draw.
        file: name of its files.
        seed: of the run.
        prompt: of the whole image.
        prompt_fg: of the part.
        weights: SHA-256 of the weight file.
        background: file name of the background it was conditioned on, or None.
        mask_area: share of the image that the mask covers, 0 to 1; None when no mask was made.
        quality: agreement of the frames inside the mask, 0 to 1; None when no mask was made.
        rejected: why the pair is of no use, or None.
        reasons: the ids of these reasons (`gate.REASONS`).
        measures: the gate's numbers, by name.
        nearest_training: file name of the training image most like it, or None.
        review: what a person decided (`dualano-doctor review`), or None: `verdict` "accepted", "rejected" or None,
            which wins over `rejected`; `mask` of a mask painted by hand, relative to the folder, or None.
    """

    index: int
    file: str
    seed: int
    prompt: str
    prompt_fg: str
    weights: str
    background: str | None
    mask_area: float | None
    quality: float | None
    rejected: str | None
    reasons: list[str] = field(default_factory=list)
    measures: dict[str, float] = field(default_factory=dict)
    nearest_training: str | None = None
    review: dict[str, Any] | None = None

    @property
    def usable(self) -> bool:
        """Whether the pair counts as accepted: what a person said, else what was measured."""
        verdict = (self.review or {}).get("verdict")
        return verdict == "accepted" if verdict else self.rejected is None


class Manifest:
    """The record of a folder of pairs.

    Args:
        folder: of the pairs.

    Attributes:
        records: by index.

    Raises:
        TrainerError: the file is damaged elsewhere than at its end, where a killed run may have left half a line.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / MANIFEST
        self.records: dict[int, Record] = {}
        try:
            torn = self._read()
        except FileNotFoundError:
            return
        except OSError as error:
            raise TrainerError(f"The manifest cannot be read: {error}. Give another folder.") from error
        if torn:
            self._rewrite()

    def _read(self) -> bool:
        """Take over the records of the file; whether its last line lacks its end."""
        torn = False
        for number, line in enumerate(read_lines(self._path), start=1):
            torn = not line.endswith("\n")
            record = _parse(line)
            if record is not None:
                self.records[record.index] = record
            elif line.strip() and not torn:
                raise TrainerError(f"{self._path}: line {number} is not a record. Remove the line, or generate anew.")
        return torn

    def done(self, index: int) -> bool:
        """Whether this pair is recorded and its files are there."""
        record = self.records.get(index)
        if record is None:
            return False
        masked = record.mask_area is not None and record.rejected is None
        return all(path.is_file() for path in pair_files(self.folder, record)[: 3 if masked else 2])

    def add(self, records: Iterable[Record]) -> None:
        """Append records and push them to the disk.

        Raises:
            TrainerError: they cannot be written.
        """
        try:
            with append_to(self._path) as stream:
                for record in records:
                    self.records[record.index] = record
                    stream.write(_line(record))
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise TrainerError(f"Cannot write {self._path}: {error}. Free space, or give another folder.") from error

    def accepted(self) -> list[Record]:
        """The records of usable pairs, by index."""
        return [self.records[index] for index in sorted(self.records) if self.records[index].usable]

    def _rewrite(self) -> None:
        """Write the whole records again, without a torn last line."""
        text = "".join(map(_line, self.records.values()))
        write_atomically(self._path, lambda path: path.write_text(text, encoding="utf-8"))


def pair_files(folder: Path, record: Record) -> tuple[Path, Path, Path]:
    """Where a record's image, part and mask are; rejected pairs, and runs without masks, have no mask file.

    A mask that a person painted takes the place of the other.
    """
    base = folder / REJECTED if record.rejected is not None else folder
    painted = (record.review or {}).get("mask")
    mask = folder / painted if painted else base / MASK / record.file
    return base / IMAGE / record.file, base / PART / record.file, mask


def check_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Note what a run depends on, or, where a run has begun, fail unless it is the same.

    Raises:
        TrainerError: says which settings differ.
    """
    before = begun_with(folder)
    if before is None:
        text = json.dumps(dict(settings), indent=2) + "\n"
        write_atomically(folder / SETTINGS, lambda target: target.write_text(text, encoding="utf-8"))
        return
    differing = [
        "other weights" if name == "weights" else f"{name}: {before.get(name)!r} before, {settings.get(name)!r} now"
        for name in sorted({*before, *settings})
        if before.get(name) != settings.get(name)
    ]
    if differing:
        raise TrainerError(
            f"{folder} holds pairs that were made otherwise ({'; '.join(differing)}). "
            "Go on with the same settings, or name another folder."
        )


def begun_with(folder: Path) -> dict[str, Any] | None:
    """What the pairs of a folder depend on; None where none was begun.

    Raises:
        TrainerError: it cannot be read.
    """
    path = folder / SETTINGS
    if not path.is_file():
        return None
    try:
        return dict(json.loads(read_text(path)))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise TrainerError(f"{path} cannot be read ({error}). Give another --output_dir.") from error


def shares_conditions(folder: Path, *, unless: bool) -> bool:
    """Whether pairs share their background's noise: as the folder was begun, and in a new one `unless` told not to.

    Raises:
        TrainerError: as `begun_with`.
    """
    before = begun_with(folder)
    return not unless if before is None else before.get("conditions") == SHARED


def _parse(line: str) -> Record | None:
    """The record of a line, or None where it is not one: a manifest may be anybody's, its names must not lead away."""
    try:
        values = json.loads(line)
        always = [field.name for field in fields(Record) if field.name not in _NOTED_LATER]
        noted = [name for name in _NOTED_LATER if name in values]
        record = Record(**{name: values[name] for name in (*always, *noted)})
        return record if _is_whole(record) and _is_judged(record) and _is_review(record.review) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _line(record: Record) -> str:
    """The line of a record; what the gate and a person note is in it where there is something."""
    values = {name: value for name, value in asdict(record).items() if name not in _NOTED_LATER or value}
    return json.dumps(values) + "\n"


def _is_review(review: Any) -> bool:
    """Whether it is a person's decision, whose mask lies where `dualano-doctor review` puts it."""
    if review is None:
        return True
    if not isinstance(review, dict) or review.get("verdict") not in ("accepted", "rejected", None):
        return False
    mask = review.get("mask")
    return mask is None or (isinstance(mask, str) and bool(_PAINTED.fullmatch(mask)))


def _is_whole(record: Record) -> bool:
    """Whether every value is of its kind, and the file's name that of a file in the folder."""
    numbers = all(type(value) is int for value in (record.index, record.seed))
    shares = all(value is None or type(value) in (int, float) for value in (record.mask_area, record.quality))
    texts = all(isinstance(value, str) for value in (record.file, record.prompt, record.prompt_fg, record.weights))
    notes = all(value is None or isinstance(value, str) for value in (record.background, record.rejected))
    if not (numbers and shares and texts and notes):
        return False
    return Path(record.file).name == record.file and record.file not in ("", "..") and "\0" not in record.file


def _is_judged(record: Record) -> bool:
    """Whether reasons and measures are what the gate writes."""
    reasons: Any = record.reasons
    measures: Any = record.measures
    if not (isinstance(reasons, list) and isinstance(measures, dict)):
        return False
    numbers = all(type(value) in (int, float) for value in measures.values())
    near: Any = record.nearest_training
    return numbers and all(isinstance(reason, str) for reason in reasons) and (near is None or isinstance(near, str))
