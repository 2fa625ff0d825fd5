"""Profiles: the stacks this program knows, as data in knowledge/profiles/*.toml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..language import _
from ..system import toml
from .profile import PROFILE_FOLDER, Index, Profile


def names() -> tuple[str, ...]:
    """The names of all profiles, sorted."""
    return tuple(sorted(file.stem for file in PROFILE_FOLDER.glob("*.toml")))


def load(name: str) -> Profile:
    """The profile of that name, a shipped or a solved one. Raises KeyError with the known names when there is none."""
    file = PROFILE_FOLDER / f"{name}.toml"
    if name not in names():
        raise KeyError(_("no profile {name!r}; known: {names}", name=name, names=", ".join(names())))
    document = toml.parse(file.read_bytes())
    indexes = tuple(Index(**_tuples(row)) for row in document.pop("indexes", []))
    return Profile(name=name, indexes=indexes, **_tuples(document))


def _tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    """TOML's lists as the tuples that frozen records hold."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
