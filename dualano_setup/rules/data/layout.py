"""What the data have instead of the layout that training takes, and the line that brings them into it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from ...facts.sheet import Dataset
from ...language import N_, _
from ..finding import Verdict
from ..wording import IMAGES, count, listing, name_of, shown

EXPECTED = N_(
    "Training takes <data>/<category>/ with train/good/*.png, test/<anomaly>/*.png and "
    "ground_truth/<anomaly>/<image>_mask.png (white = anomaly)."
)


def what_is_there(data: Dataset, otherwise: str) -> str:
    """That the data have another layout, by its name; `otherwise` where they have none that is known."""
    return _("this is the layout of {layout}", layout=data.layout) if data.layout else otherwise


def cure_of_name(data: Dataset, names: Sequence[str], choose: str) -> str:
    """What to do about a name that is not there: choose another, or bring the data in where there is none."""
    return choose if names and not data.layout else how_to_bring(data)


def how_to_bring(data: Dataset) -> str:
    """The layout that is expected, and the command that makes it from what is there."""
    if data.layout:
        how = _("`{command}` brings this into that form; the source stays as it is.", command=command(data))
    else:
        how = _("`dualano-doctor import --good DIR --images DIR --masks DIR` makes that from folders of your own.")
    return f"{_(EXPECTED)} {how}"


def command(data: Dataset) -> str:
    """The line to type for these data."""
    import shlex

    words = ["dualano-doctor", "import", data.layout_path or str(PurePath(data.root, data.category or ""))]
    return shown(shlex.join([*words, "--category", data.category] if data.category else words))


def several_masks(data: Dataset, lonely: Sequence[str], spare: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Images whose names several masks bear, their own included, with those that are not; `lonely` have no own."""
    if not spare:
        return {}
    from ...facts.project.layouts.pairing import match
    from ...facts.project.layouts.picture import stem_of

    pairs = match([image.path for image in data.images], [(path, stem_of(path)) for path in spare])
    return {image: masks for image, masks in pairs.masks.items() if len(masks) > (image in lonely)}


def tell_of_several(data: Dataset, several: dict[str, tuple[str, ...]], *, fatal: bool) -> Verdict:
    """The row for images with several masks each; `fatal` where one has none that training would take."""
    first = next(iter(several.values()))
    return Verdict(
        "fail" if fatal else "warn",
        _(
            "{images} with several masks, and training takes one: {names}",
            images=count(len(several), IMAGES),
            names=listing(map(name_of, first)),
        ),
        cure=_("Join them into one: `{command}` does that, into a copy.", command=command(data)),
        evidence=shown(data.anomaly_dir),
        subject="several masks",
    )


def cure_of_pairs(data: Dataset, lonely: Sequence[str], spare: Sequence[str], otherwise: str) -> str:
    """The cure, and where masks may only be named in another way, what pairs them all the same."""
    if not (lonely and spare):
        return otherwise
    named = _("`{command}` pairs masks that are named in another way, and links them.", command=command(data))
    return f"{otherwise} {named}"
