"""Plans an import: which picture of a source goes where below the project, and which stays out and why."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path, PurePath
from typing import Any

from ...errors import UsageError
from ...facts.project.image_header import read_image
from ...facts.project.layouts.picture import Left, Picture, Survey
from ...facts.sheet import ImageFile
from ...language import _
from ...settings.options import SETTINGS_FILE, Settings
from ..action import Action
from ..actions.files import WriteFile
from ..actions.intake import BringData
from .train_settings import write_settings_file

TOOL = "trainer.intake"
FOLDERS = ("data", "imported")
"""Where the categories go, below the project; the second where the source itself lies in the first."""
HELD_BACK = 5
"""Of good images that no split came with, every fifth in the order of names tests instead of training."""
_LINKED = (".png", ".jpg", ".jpeg")

Row = dict[str, Any]
"""One picture of the job: `image`, `to`, and where it shows a defect `mask`, `masks`, `shapes`, `labels`."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What an import would do: rows by category, and what stays out."""

    layout: str
    source: str
    folder: Path
    rows: dict[str, list[Row]]
    left: tuple[Left, ...]
    crop: int = 0
    copies: bool = False
    binary: bool = False  # the masks are PNGs of 0 and 255

    @property
    def outputs(self) -> tuple[Path, ...]:
        """The categories' folders that would be made."""
        return tuple(self.folder / category for category in self.rows)

    @property
    def is_plain(self) -> bool:
        """Whether no pixel has to be written, so that no training environment is needed."""
        rows = [row for rows in self.rows.values() for row in rows]
        return self.binary and not self.crop and all(_is_plain(row) for row in rows)

    def anomalies(self, category: str) -> dict[str, list[Row]]:
        """The rows of each anomaly of a category."""
        found: dict[str, list[Row]] = {}
        for row in self.rows[category]:
            if row["anomaly"]:
                found.setdefault(row["anomaly"], []).append(row)
        return found

    def good(self, category: str, part: str) -> int:
        """How many good images go to `part` ("train" or "test")."""
        return sum(row["to"].startswith(f"{part}/good/") for row in self.rows[category])

    def job(self) -> bytes:
        """What the trainer's tool is told, as JSON."""
        left = [{"path": one.path, "why": one.why} for one in self.left]
        head = {"schema": 1, "layout": self.layout, "source": self.source, "crop": self.crop, "copies": self.copies}
        return json.dumps({**head, "plain": self.is_plain, "categories": self.rows, "left_out": left}).encode()


def plan_intake(settings: Settings, seen: Survey, into: str | None, crop: int, *, copies: bool) -> Intake:
    """The whole import. Raises UsageError where nothing can be taken, or where a category's folder is there already."""
    folder = _folder(settings.project, seen, into)
    left = list(seen.left)
    rows: dict[str, list[Row]] = {}
    for category in sorted({picture.category for picture in seen.pictures}):
        mine = [picture for picture in seen.pictures if picture.category == category]
        taken = [picture for picture in mine if not _refused(picture, left)]
        if any(picture.anomaly for picture in taken):
            rows[category] = _rows(taken)
        else:
            left += [Left(picture.image, _("{category} shows no anomaly", category=category)) for picture in taken]
    intake = Intake(seen.layout, seen.source, folder, rows, tuple(left), crop, copies, seen.binary)
    if not rows:
        raise UsageError(
            _(
                "{layout} in {source}: no anomalous image with a mask can be taken; {why}",
                layout=seen.layout,
                source=seen.source,
                why="; ".join(why_left(left)[:5]) or _("there is none"),
            )
        )
    if there := [path for path in intake.outputs if os.path.lexists(path)]:
        raise UsageError(
            _(
                "{folder} is there already, and nothing is overwritten. `dualano-doctor undo` takes an earlier import "
                "back; --category NAME or --into FOLDER choose another place",
                folder=there[0],
            )
        )
    return intake


def actions_of(intake: Intake, settings: Settings) -> tuple[Action, ...]:
    """The import itself, and the settings that lead to what it makes."""
    make = BringData(
        module=TOOL,
        arguments=("--output", str(intake.folder)),
        outputs=intake.outputs,
        rules=(),
        why=_("{layout} from {source}", layout=intake.layout, source=intake.source),
        job=intake.job(),
        plain=intake.is_plain,
    )
    write = _settings(intake, settings)
    return (make, write) if write else (make,)


def why_left(left: Iterable[Left], examples: int = 3) -> list[str]:
    """The reasons, each with how many files it keeps out and a few of their names, the commonest first."""
    by_reason: dict[str, list[str]] = {}
    for one in left:
        by_reason.setdefault(one.why, []).append(PurePath(one.path).name)
    ordered = sorted(by_reason.items(), key=lambda one: -len(one[1]))
    return [
        _("{number} x {why}: {names}", number=len(names), why=why, names=", ".join(names[:examples]))
        for why, names in ordered
    ]


def training_number(images: int) -> int:
    """How many of an anomaly's images train by default, as `trainer/data/split.py` has it."""
    return -(-images // 3)


def _settings(intake: Intake, settings: Settings) -> WriteFile | None:
    """`data`, and category and anomaly where the settings file names none that is there."""
    file = str(settings.project / SETTINGS_FILE)
    keys = ("data", "category", "anomaly")
    stored = {key: getattr(settings, key) for key in keys if settings.said_by.get(key) == file}
    wanted: dict[tuple[str, str], object] = {}
    if stored.get("data") != intake.folder:
        wanted["", "data"] = intake.folder.relative_to(settings.project).as_posix()
    category = stored.get("category")
    if category not in intake.rows and len(intake.rows) == 1:
        category = wanted["", "category"] = next(iter(intake.rows))
    anomalies = list(intake.anomalies(category)) if category in intake.rows else []
    if len(anomalies) == 1 and stored.get("anomaly") not in anomalies:
        wanted["", "anomaly"] = anomalies[0]
    if not wanted:
        return None
    return write_settings_file(settings.project, wanted, (), _("where the imported data are"))


def _folder(project: Path, seen: Survey, into: str | None) -> Path:
    home = os.path.realpath(project)
    if into is not None:
        folder = Path(os.path.normpath(project / into))
        if not Path(os.path.realpath(folder)).is_relative_to(home) or folder == project:
            raise UsageError(
                _("--into {folder}: name a folder within the project {project}", folder=into, project=home)
            )
        return folder
    source = Path(os.path.realpath(seen.source))
    clashes = [source.is_relative_to(Path(home) / name) for name in FOLDERS]
    return project / next((name for name, clash in zip(FOLDERS, clashes, strict=True) if not clash), "imported-2")


def _refused(picture: Picture, left: list[Left]) -> bool:
    """Whether the picture stays out; then why is added to `left`."""
    why = _why_not(picture)
    if why:
        left.append(Left(picture.image, why))
    return bool(why)


def _why_not(picture: Picture) -> str:
    if picture.anomaly and not picture.masks and not picture.shapes:
        return _("no mask")
    image = read_image(picture.image)
    if image.error:
        return image.error
    seen: list[tuple[int | None, int | None]] = [(image.width, image.height)]
    for path in picture.masks:
        mask = read_image(path)
        if mask.error:
            return _("its mask {name}: {error}", name=PurePath(path).name, error=mask.error)
        seen.append((mask.width, mask.height))
    seen += [picture.size] if picture.size and picture.shapes else []
    other = next((size for size in seen if size != seen[0]), None)
    return _differs(image, other) if other else ""


def _differs(image: ImageFile, other: tuple[int | None, int | None]) -> str:
    return _(
        "its mask is {mask_width} x {mask_height}, the image {width} x {height}",
        mask_width=other[0],
        mask_height=other[1],
        width=image.width,
        height=image.height,
    )


def _rows(pictures: Sequence[Picture]) -> list[Row]:
    """Where each picture of a category goes; names are NFC, and no two of a folder share a stem."""
    tests = {picture.part for picture in pictures if not picture.anomaly} & {"test"}
    used: set[str] = set()
    rows = []
    good = 0
    for picture in sorted(pictures, key=lambda one: (one.anomaly, one.image)):
        if picture.anomaly:
            place = f"test/{picture.anomaly}"
        else:
            good += 1
            held = picture.part == "test" or (not picture.part and not tests and good % HELD_BACK == 0)
            place = "test/good" if held else "train/good"
        stem, ending = _name(picture.image, place, used)
        row: Row = {"image": picture.image, "to": f"{place}/{stem}{ending}", "anomaly": picture.anomaly}
        if picture.anomaly:
            row |= {
                "mask": f"ground_truth/{picture.anomaly}/{stem}_mask.png",
                "masks": list(picture.masks),
                "shapes": list(picture.shapes),
                "labels": picture.labels,
            }
        rows.append(row)
    return rows


def _name(image: str, place: str, used: set[str]) -> tuple[str, str]:
    """A stem that is free in `place`, and the ending that the file will have there."""
    name = PurePath(unicodedata.normalize("NFC", PurePath(image).name))
    plain, ending = name.stem, name.suffix.lower() if name.suffix.lower() in _LINKED else ".png"
    plain = "".join(char if char.isprintable() and char != "/" else "_" for char in plain)
    above = PurePath(image).parent.parts[-2 if place == "train/good" else -1 :][:1]  # a flat folder has none above it
    candidates = chain(
        (plain, *(f"{folder}_{plain}" for folder in above)), (f"{plain}-{number}" for number in count(2))
    )
    stem = next(name for name in candidates if f"{place}/{name}".casefold() not in used)
    used.add(f"{place}/{stem}".casefold())
    return stem, ending


def _is_plain(row: Row) -> bool:
    masks = row.get("masks", [])
    linked = row["image"].lower().endswith(_LINKED)
    return linked and not row.get("shapes") and (not row["anomaly"] or [m[-4:].lower() for m in masks] == [".png"])
