"""The MVTec-layout data as a fact: names, counts and image headers, as far as one run needs them."""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from ...language import _
from ...system.bundle import bundled
from ...system.files import Listing, list_folder, plain_error, stem_of
from ..fact import Absent, Fact, Known, Unknown
from ..sheet import Dataset, ImageFile
from .image_header import SUFFIXES, read_image

if TYPE_CHECKING:
    from ...settings.options import Settings

MOST_OPENED = 400
"""Images whose files are opened. MVTec's largest anomaly has 41; a header takes some 40 microseconds."""
_MOST_NAMES = 2_000_000
_MAX_CATEGORIES = 500
_NESTING = ("mvtec_anomaly_detection", "mvtec", "mvtec_ad", "data")


def probe(settings: Settings) -> Fact[Dataset]:
    """Look at the data root, the chosen category and anomaly, and the foreground masks."""
    if settings.data is None:
        return Absent(_("no data set is named (--data, or `data` in dualano.toml)"))
    root = settings.data
    problems: list[str] = []
    try:
        listing = list_folder(root)
    except (FileNotFoundError, NotADirectoryError):
        return Known(Dataset(str(root), exists=False, nested_hint=_root_above(root)), str(root))
    except (OSError, ValueError) as error:
        return Unknown(plain_error(error), str(root))
    categories = tuple(n for n in listing.folders[:_MAX_CATEGORIES] if _is_category(root / n))
    category, anomaly = settings.category, settings.anomaly
    hint = "" if categories else _root_below(root, listing) or _root_above(root)
    if category is None or not _is_name(category):
        return Known(Dataset(str(root), True, categories, category, anomaly=anomaly, nested_hint=hint), str(root))
    anomalies = tuple(n for n in _listed(root / category / "test", problems).folders if n != "good")
    good = _count_good(root / category / "train" / "good", problems)
    inner = Dataset(
        str(root), True, categories, category, anomalies, anomaly, good=good, nested_hint=hint,
        foreground_root=str(settings.foreground) if settings.foreground else None, problems=tuple(problems),
    )  # fmt: skip
    if anomaly is None or not _is_name(anomaly):
        return Known(inner, str(root))
    return Known(_with_images(inner, root / category, category, anomaly, settings.foreground, problems), str(root))


def _with_images(
    seen: Dataset, folder: Path, category: str, anomaly: str, foreground: Path | None, problems: list[str]
) -> Dataset:
    images_dir, masks_dir = folder / "test" / anomaly, folder / "ground_truth" / anomaly
    listing = _listed(images_dir, problems)
    names = _image_names(listing)
    masks = _image_names(_listed(masks_dir, problems))
    objects_dir = None if foreground is None else foreground / category / anomaly
    objects = _image_names(_listed(objects_dir, problems)) if objects_dir else []
    good = 0
    if foreground is not None:
        good = sum(map(is_image_name, _listed(foreground / category / "good", problems).files))
    odd = {*listing.folders, *listing.other}
    share = _Share(names, masks, objects if objects_dir else None)
    kept = [name for name in names if share.keeps(name)]
    return Dataset(
        seen.root, True, seen.categories, category, seen.anomalies, anomaly, str(images_dir),
        share.look(images_dir, kept),
        share.look(masks_dir, [name for name in masks if share.keeps_mask(name)]),
        seen.good,
        tuple(n for n in (*listing.files, *listing.folders, *listing.other) if not is_image_name(n) or n in odd),
        seen.foreground_root,
        share.look(objects_dir, [name for name in objects if share.keeps_mask(name)]) if objects_dir else (),
        good, seen.nested_hint, tuple(problems), len(names) - len(kept), share.opened,
    )  # fmt: skip


class _Share:
    """Which files of a large set are opened and which are kept on the sheet; of a small one, all.

    All names are judged. Where there are more images than `MOST_OPENED`, files are opened of those that train (all of
    them, or an even sample) and of an even sample of the others; on the sheet are these, and whatever lacks a
    counterpart of its name.
    """

    def __init__(self, names: list[str], masks: list[str], objects: list[str] | None) -> None:
        self._all = len(names) <= MOST_OPENED
        self._images = {stem_of(name) for name in names}
        self._masks = {stem_of(name) for name in masks}
        self._objects = None if objects is None else {stem_of(name).removesuffix("_mask") for name in objects}
        share = bundled("content.share")
        train = share.training_count(len(names), "sorted", "bcm")
        rest = MOST_OPENED // 4
        chosen = [*share.spread(names[:train], MOST_OPENED - rest), *share.spread(names[train:], rest)]
        self._chosen = self._images if self._all else {stem_of(name) for name in chosen}
        self.opened = len(names) if self._all else len(chosen)

    def keeps(self, name: str) -> bool:
        """Whether an image is on the sheet."""
        stem = stem_of(name)
        return self._all or stem in self._chosen or not self._is_complete(stem)

    def keeps_mask(self, name: str) -> bool:
        """Whether a mask is: its image is, or is not there."""
        stem = stem_of(name)
        image = stem.removesuffix("_mask")
        image = stem if stem in self._images or image not in self._images else image
        return self._all or image in self._chosen or image not in self._images or not self._is_complete(image)

    def look(self, folder: Path, names: list[str]) -> tuple[ImageFile, ...]:
        """The files with their headers, where they are opened."""
        return tuple(self._look(f"{folder}{os.sep}{name}", stem_of(name)) for name in names)

    def _look(self, path: str, stem: str) -> ImageFile:
        opened = self._all or stem in self._chosen or stem.removesuffix("_mask") in self._chosen
        return read_image(path) if opened else ImageFile(path)

    def _is_complete(self, stem: str) -> bool:
        masked = f"{stem}_mask" in self._masks or stem in self._masks
        return masked and (self._objects is None or stem in self._objects)


def _image_names(listing: Listing) -> list[str]:
    return [name for name in listing.files if is_image_name(name)]


def is_image_name(name: str) -> bool:
    """Whether the trainer would take a file of that name for an image (hidden ones, like macOS' `._000.png`, not)."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES


def _listed(folder: Path, problems: list[str]) -> Listing:
    """What is in `folder`; nothing where it is not there, and a note where it cannot be listed."""
    try:
        listing = list_folder(folder, _MOST_NAMES)
    except (FileNotFoundError, NotADirectoryError):
        return Listing()
    except (OSError, ValueError) as error:
        problems.append(plain_error(error))
        return Listing()
    if listing.cut:
        problems.append(_("{folder}: too many entries to look at all of them", folder=folder))
    return listing


def _count_good(folder: Path, problems: list[str]) -> int | None:
    if not folder.is_dir():
        return None
    return sum(map(is_image_name, _listed(folder, problems).files))


def _is_category(folder: Path) -> bool:
    return any((folder / part).is_dir() for part in ("test", "train", "ground_truth"))


def _is_name(name: str) -> bool:
    """One path component: a category such as `../x` would look outside the root."""
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name and PurePath(name).name == name


def _root_below(root: Path, listing: Listing) -> str:
    """A folder in `root` that holds categories: an archive unpacked one level too deep."""
    likely = sorted(listing.folders[:_MAX_CATEGORIES], key=lambda n: (n.lower() not in _NESTING, n))
    for name in likely[:50]:
        inner = _listed(root / name, []).folders
        if any(_is_category(root / name / n) for n in inner[:50]):
            return str(root / name)
    return ""


def _root_above(root: Path) -> str:
    """The root that a path such as `<root>/<category>/test/<anomaly>` lies in."""
    for folder in (root, *root.parents[:3]):
        if _is_category(folder) and folder.parent != folder:
            return str(folder.parent)
    return ""
