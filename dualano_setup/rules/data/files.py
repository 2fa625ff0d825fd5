"""What is wrong with single images and masks; the headers are in the fact sheet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from ...facts.fact import value
from ...facts.sheet import Dataset, ImageFile
from ...language import N_, _
from ...system.files import stem_of
from ..finding import Verdict, fail, warn
from ..rule import Context, given
from ..wording import ENTRIES, FILES, FOREGROUND_MASKS, IMAGES, MASKS, count, listing, name_of, shown
from .layout import cure_of_pairs, several_masks, tell_of_several

_SETTLED = ("after", "equivalent", "superseded")


def check_pairs(context: Context) -> Iterator[Verdict]:
    """DATA003: an image's mask is `<stem>_mask`, and has its size."""
    data = given(context.sheet.dataset)
    masks = {stem_of(mask.path): mask for mask in data.masks}
    pairs = [(image, _mask_of(image, masks)) for image in data.images]
    lonely = [image.path for image, mask in pairs if mask is None]
    used = {mask.path for __, mask in pairs if mask}
    spare = [mask.path for mask in data.masks if mask.path not in used]
    if several := several_masks(data, lonely, spare):
        yield tell_of_several(data, several, fatal=not several.keys().isdisjoint(lonely))
        lonely = [image for image in lonely if image not in several]
        joined = {path for masks in several.values() for path in masks}
        spare = [path for path in spare if path not in joined]
    if lonely:
        yield fail(
            _(
                "{images} without a mask: {names}",
                images=count(len(lonely), IMAGES),
                names=listing(map(name_of, lonely)),
            ),
            cure=cure_of_pairs(
                data,
                lonely,
                spare,
                _("Give each a mask in ground_truth, named `<image>_mask.png`, or take the image out."),
            ),
            evidence=shown(data.anomaly_dir),
            subject="without mask",
        )
    if spare:
        yield warn(
            _("{masks} without an image: {names}", masks=count(len(spare), MASKS), names=listing(map(name_of, spare))),
            cure=cure_of_pairs(data, lonely, spare, _("Nothing uses them; check that no image is missing.")),
            evidence=shown(data.anomaly_dir),
            subject="without image",
        )
    matched = [(N_("the mask {name} is {size}, its image {expected}"), image, mask) for image, mask in pairs if mask]
    if context.settings.variant == "bcm":
        other = N_("the foreground mask {name} is {size}, its image {expected}")
        matched += [(other, image, mask) for image, mask in _with_foreground(data)]
    for text, image, mask in matched:
        if image.width and mask.width and size(image) != size(mask):
            yield fail(
                _(text, name=name_of(mask.path), size=_size_text(mask), expected=_size_text(image)),
                cure=_("Make the mask anew at the image's size."),
                evidence=shown(mask.path),
                subject=shown(mask.path),
            )


def check_readable(context: Context) -> Iterator[Verdict]:
    """DATA004: what has an image's name and is none, or is empty."""
    data = given(context.sheet.dataset)
    for kind, files, words in (
        ("image", data.images, IMAGES),
        ("mask", data.masks, MASKS),
        ("foreground mask", data.foreground, FOREGROUND_MASKS),
    ):
        broken = [file for file in files if file.error]
        if broken:
            shown_ones = (f"{name_of(file.path)} ({file.error})" for file in broken)
            yield fail(
                _("{files} cannot be read: {names}", files=count(len(broken), words), names=listing(shown_ones)),
                cure=_("Copy them from the source again, or take them out."),
                evidence=shown(broken[0].path),
                subject=kind,
            )
    yield from _pixels_unreadable(context)


def _pixels_unreadable(context: Context) -> Iterator[Verdict]:
    """What only shows when a file is decoded."""
    contents = value(context.sheet.contents)
    broken = contents.unreadable if contents else ()
    if broken:
        yield fail(
            _(
                "{files} cannot be read: {names}",
                files=count(len(broken), FILES),
                names=listing(f"{name_of(path)} ({said.replace(path, name_of(path))})" for path, said in broken),
            ),
            cure=_("Copy them from the source again, or take them out."),
            evidence=shown(broken[0][0]),
            subject="pixels",
        )


def check_foreground(context: Context) -> Iterator[Verdict]:
    """DATA005: the background module needs an object mask for every anomalous image."""
    data = given(context.sheet.dataset)
    if context.settings.variant != "bcm" or not data.images:
        return
    if data.foreground_root is None:
        lacking, why = list(data.images), _("no folder of them is named (--foreground)")
    else:
        lacking = lacking_foreground(data)
        why = _("they are looked for in {foreground_root}", foreground_root=shown(data.foreground_root))
    if lacking:
        yield fail(
            _(
                "{number} of {images} have no foreground mask; {why}",
                number=len(lacking),
                images=count(data.number, IMAGES),
                why=why,
            ),
            cure=_(
                "Let `fix` make them, or make them with U-2-Net: <foreground>/<category>/<anomaly>/<same name as "
                "the image>, object white."
            ),
            evidence=shown(data.foreground_root or data.anomaly_dir),
        )


def check_checkout_paths(context: Context) -> Iterator[Verdict]:
    """DATA007: the checkout makes mask paths by replacing text in the whole path."""
    checkout = value(context.sheet.checkout)
    if checkout is None or not checkout.recognised:
        return
    data = given(context.sheet.dataset)
    by_components = any(p.patch == "mask-path" and p.state in _SETTLED for p in checkout.patches)
    above = misleading_parts(data)
    if above and not by_components:
        yield fail(
            _("`{above}` in the data path: the checkout replaces every `test` and `.png`", above=shown(above[0])),
            cure=_("Move the data under a path without `test` and `.png`, or apply the patch mask-path."),
            evidence=shown(data.anomaly_dir),
            subject="path",
        )
    others = [image.path for image in data.images if not image.path.endswith(".png")]
    if others:
        yield warn(
            _(
                "{images} are not PNG, which the checkout's trainer does not find masks for: {names}",
                images=count(len(others), IMAGES),
                names=listing(map(name_of, others)),
            ),
            cure=_("Save them as PNG for the checkout's trainer; the bundled one takes them as they are."),
            evidence=shown(data.anomaly_dir),
            subject="not PNG",
        )


def misleading_parts(data: Dataset) -> list[str]:
    """The parts of the data path, but for the `test` folder itself, that the checkout would replace text in."""
    parents = PurePath(data.anomaly_dir).parts[:-2]
    above = [part for part in parents if "test" in part or ".png" in part]
    return [*above, data.anomaly] if data.anomaly and "test" in data.anomaly else above


def check_strangers(context: Context) -> Iterator[Verdict]:
    """DATA008: every entry of the folder counts as an image for the checkout's trainer."""
    data = given(context.sheet.dataset)
    if not data.strangers:
        return
    checkout = value(context.sheet.checkout)
    opened = checkout is not None and checkout.recognised
    found = _(
        "{entries} in {folder}: {names}",
        entries=count(len(data.strangers), ENTRIES),
        folder=shown(data.anomaly_dir),
        names=listing(data.strangers),
    )
    yield Verdict(
        "fail" if opened else "warn",
        _("{found}; the checkout's trainer would open and count them", found=found) if opened else found,
        cure=_("Move them out of the folder."),
        evidence=shown(data.anomaly_dir),
    )


def lacking_foreground(data: Dataset) -> list[ImageFile]:
    """The anomalous images without an object mask of the same name."""
    there = {stem_of(mask.path).removesuffix("_mask") for mask in data.foreground}
    return [image for image in data.images if stem_of(image.path) not in there]


def size(image: ImageFile) -> tuple[int | None, int | None]:
    """(width, height) in pixels."""
    return image.width, image.height


def _with_foreground(data: Dataset) -> Iterator[tuple[ImageFile, ImageFile]]:
    masks = {stem_of(mask.path).removesuffix("_mask"): mask for mask in data.foreground}
    for image in data.images:
        mask = masks.get(stem_of(image.path))
        if mask:
            yield image, mask


def _mask_of(image: ImageFile, masks: dict[str, ImageFile]) -> ImageFile | None:
    stem = stem_of(image.path)
    return masks.get(f"{stem}_mask") or masks.get(stem)


def _size_text(image: ImageFile) -> str:
    return f"{image.width} x {image.height}"
