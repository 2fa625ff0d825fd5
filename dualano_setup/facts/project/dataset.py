"""The MVTec-layout data as a fact: names, counts and image headers, as far as one run needs them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from ...language import _
from ...light_dataclasses import replace
from ...system.files import Listing, list_folder, plain_error
from ..fact import Absent, Fact, Known, Unknown
from ..sheet import Dataset, ImageFile
from .image_header import SUFFIXES, read_image

if TYPE_CHECKING:
    from ...settings.options import Settings

MAX_IMAGES = 2_000
"""Headers read in one folder. MVTec's largest anomaly has 41 images; a header takes some 20 microseconds."""
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
    images_dir = folder / "test" / anomaly
    listing = _listed(images_dir, problems)
    images = _headers(images_dir, listing.files, problems)
    masks_dir = folder / "ground_truth" / anomaly
    masks = _headers(masks_dir, _listed(masks_dir, problems).files, problems)
    objects: tuple[ImageFile, ...] = ()
    good = 0
    if foreground is not None:
        objects_dir = foreground / category / anomaly
        objects = _headers(objects_dir, _listed(objects_dir, problems).files, problems)
        good = sum(map(is_image_name, _listed(foreground / category / "good", problems).files))
    return Dataset(
        seen.root, True, seen.categories, category, seen.anomalies, anomaly, str(images_dir), images, masks, seen.good,
        tuple(n for n in (*listing.files, *listing.folders, *listing.other) if not _is_image(n, listing)),
        seen.foreground_root, objects, good, seen.nested_hint, tuple(problems),
    )  # fmt: skip


def is_image_name(name: str) -> bool:
    """Whether the trainer would take a file of that name for an image (hidden ones, like macOS' `._000.png`, not)."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES


def _is_image(name: str, listing: Listing) -> bool:
    return is_image_name(name) and name in listing.files


def _headers(folder: Path, names: Iterable[str], problems: list[str]) -> tuple[ImageFile, ...]:
    wanted = [name for name in names if is_image_name(name)]
    if len(wanted) > MAX_IMAGES:
        problems.append(
            _(
                "{folder}: {wanted_count} images, of which {max_images} were looked at",
                folder=folder,
                wanted_count=len(wanted),
                max_images=MAX_IMAGES,
            )
        )
    return tuple(read_image(f"{folder}{os.sep}{name}") for name in wanted[:MAX_IMAGES])


def _listed(folder: Path, problems: list[str]) -> Listing:
    """What is in `folder`; nothing where it is not there, and a note where it cannot be listed."""
    try:
        listing = list_folder(folder)
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
