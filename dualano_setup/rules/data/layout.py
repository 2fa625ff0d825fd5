"""What the data have instead of the layout that training takes, and the line that brings them into it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from ...facts.sheet import Dataset
from ...language import N_, _
from ..wording import listing, name_of, shown

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


def several_masks(data: Dataset, spare: list[str]) -> str:
    """The cure where masks without an image are several masks of one image; "" where they are not."""
    stems = [PurePath(image.path).stem for image in data.images]
    first = next((stem for stem in stems if sum(name_of(path).startswith(stem) for path in spare) > 1), None)
    if first is None:
        return ""
    names = [name_of(path) for path in spare if name_of(path).startswith(first)]
    return _(
        "Several masks of one image ({names}) have to be joined into one: `{command}` does that, into a copy.",
        names=listing(names),
        command=command(data),
    )
