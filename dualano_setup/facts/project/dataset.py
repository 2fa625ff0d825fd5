"""The MVTec-layout data as a fact: names, counts and image headers, as far as one run needs them."""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from ...language import _
from ...light_dataclasses import replace
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
    """Look at the data root, the chosen category and anomaly, and the foreground masks; see what layout they have
    where training's own is not whole."""
    seen = _look(settings)
    if not isinstance(seen, Known) or not _is_lacking(seen.value):
        return seen
    from .layouts.known import other_layout

    layout, path = other_layout(seen.value.root, seen.value.category)
    return Known(replace(seen.value, layout=layout, layout_path=path), seen.source)


def _is_lacking(data: Dataset) -> bool:
    """Whether something that training needs is not where MVTec's layout has it."""
    if not data.exists or data.category is None or data.category not in data.categories:
        return data.exists and not (data.category is None and data.categories)
    return not data.anomalies or data.good is None or bool(data.images and not data.masks)


def _look(settings: Settings) -> Fact[Dataset]:
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
    images = share.look(images_dir, names)
    return Dataset(
        seen.root, True, seen.categories, category, seen.anomalies, anomaly, str(images_dir), images,
        share.look(masks_dir, masks), seen.good,
        tuple(n for n in (*listing.files, *listing.folders, *listing.other) if not is_image_name(n) or n in odd),
        seen.foreground_root, share.look(objects_dir, objects) if objects_dir else (), good, seen.nested_hint,
        tuple(problems), len(names) - len(images), share.opened,
    )  # fmt: skip


class _Share:
    """Which files of a large set are opened and which are kept on the sheet; of a small one, all.

    All names are judged. Where there are more images than `MOST_OPENED`, files are opened of those that train (all of
    them, or an even sample) and of an even sample of the others; on the sheet are these, and whatever lacks a
    counterpart of its name.
    """

    def __init__(self, names: list[str], masks: list[str], objects: list[str] | None) -> None:
        self._images = images = set(map(stem_of, names))
        if len(names) <= MOST_OPENED:
            self._chosen = self._wanted = images
            self.opened = len(names)
            return
        share = bundled("content.share")
        train = share.training_count(len(names), "sorted", "bcm")
        rest = MOST_OPENED // 4
        chosen = [*share.spread(names[:train], MOST_OPENED - rest), *share.spread(names[train:], rest)]
        self._chosen, self.opened = set(map(stem_of, chosen)), len(chosen)
        stems = set(map(stem_of, masks))
        complete = images & (stems | {stem.removesuffix("_mask") for stem in stems})
        if objects is not None:
            complete &= {stem_of(name).removesuffix("_mask") for name in objects}
        self._wanted = self._chosen | (images - complete)

    def keeps(self, name: str) -> bool:
        """Whether an image or mask is on the sheet: a mask is where its image is, or where that is not there."""
        owner = self._owner(name)
        return owner in self._wanted or owner not in self._images

    def look(self, folder: Path, names: list[str]) -> tuple[ImageFile, ...]:
        """The files to keep, with their headers where they are opened."""
        paths = [(f"{folder}{os.sep}{name}", self._owner(name)) for name in names if self.keeps(name)]
        return tuple(read_image(path) if self._opens(owner) else ImageFile(path) for path, owner in paths)

    def _opens(self, owner: str) -> bool:
        return owner in self._chosen or (owner not in self._images and self._chosen is self._images)

    def _owner(self, name: str) -> str:
        """The stem of the image that a file is or belongs to."""
        stem = stem_of(name)
        return stem if stem in self._images else stem.removesuffix("_mask")


def _image_names(listing: Listing) -> list[str]:
    return [name for name in listing.files if is_image_name(name)]


def is_image_name(name: str) -> bool:
    """Whether the trainer would take a file of that name for an image (hidden ones, like macOS' `._000.png`, not)."""
    stem, dot, ending = name.rpartition(".")
    return bool(stem) and f"{dot}{ending}".lower() in SUFFIXES and not stem.startswith(".")


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
