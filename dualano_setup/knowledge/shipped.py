"""Profiles: the stacks this program knows, as data in knowledge/profiles/*.toml."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from ..language import _
from .profile import COMPILED, Index, Profile


@cache
def _documents() -> Mapping[str, Mapping[str, Any]]:
    documents: Mapping[str, Mapping[str, Any]] = json.loads(COMPILED.read_bytes())
    return documents


def names() -> tuple[str, ...]:
    """The names of all profiles, sorted."""
    return tuple(sorted(_documents()))


def load(name: str) -> Profile:
    """The shipped profile of that name. Raises KeyError with the known names when there is none."""
    if name not in _documents():
        raise KeyError(_("no profile {name!r}; known: {names}", name=name, names=", ".join(names())))
    document = dict(_documents()[name])
    indexes = tuple(Index(**_tuples(row)) for row in document.pop("indexes", []))
    return Profile(name=name, indexes=indexes, **_tuples(document))


def _tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    """TOML's lists as the tuples that frozen records hold."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
