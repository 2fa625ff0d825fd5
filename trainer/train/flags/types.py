"""The flags of several anomaly types that train together, as one configuration for each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

MOST = 8
#: Flags that may be given for each type, and their value where they are not.
_DEFAULTS: dict[str, Any] = {"output_dir": Path("dualano-output"), "seed": 0, "mask_dir": None}


class TypesError(ValueError):
    """The flags do not go together; the message says which."""


def split(values: dict[str, Any]) -> list[dict[str, Any]]:
    """The flags of each type. With one folder of images the last of a flag's values holds, as of any flag.

    Raises:
        TypesError: too many types, one twice, or a flag with another number of values.
    """
    images: Sequence[Path] = values["instance_data_dir"]
    several = len(images) > 1
    if several:
        _check(images, values)
    own = {flag: _each(flag, values[flag], images, default) for flag, default in _DEFAULTS.items()}
    if several:
        _all_differ("output_dir", own["output_dir"])
    return [
        values | {"instance_data_dir": folder} | {flag: given[row] for flag, given in own.items()}
        for row, folder in enumerate(images)
    ]


def _each(flag: str, given: Sequence[Any] | None, images: Sequence[Path], default: Any) -> list[Any]:
    """One value for each type."""
    if len(images) == 1:
        return [given[-1] if given else default]
    if flag == "output_dir" and len(given or ()) < 2:
        parent = given[0] if given else default
        return [parent / folder.name for folder in images]
    if not given:
        return [default] * len(images)
    if flag == "seed" and len(given) == 1:
        return list(given) * len(images)
    if len(given) != len(images):
        raise TypesError(
            f"--{flag} is given {len(given)} times and --instance_data_dir {len(images)} times; give it once for each"
        )
    return list(given)


def _all_differ(flag: str, folders: Sequence[Path]) -> None:
    """Fail where two types have one folder."""
    places = [folder.absolute() for folder in folders]
    twice = next((folder for folder in places if places.count(folder) > 1), None)
    if twice:
        raise TypesError(f"--{flag}: {twice} stands for two types; give each one of its own")


def _check(images: Sequence[Path], values: dict[str, Any]) -> None:
    """Fail where types cannot train together."""
    if len(images) > MOST:
        raise TypesError(f"--instance_data_dir is given {len(images)} times; at most {MOST} types train together")
    _all_differ("instance_data_dir", images)
    if values["faithful"]:
        raise TypesError(
            "--faithful cuts batches by each type's number of images, and types that train together need equal ones; "
            "leave it out, or train them one after the other"
        )
    if values["resume_from_checkpoint"] not in (None, "latest", "auto"):
        raise TypesError(
            "--resume_from_checkpoint names one checkpoint, of one type; with several give `latest` or `auto`"
        )
