"""Optional packages of the training environment, by what they are for, as data in groups.toml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ..light_dataclasses import dataclass
from ..system import toml
from .profile import Profile

FILE = Path(__file__).with_name("groups.toml")


@dataclass(frozen=True, slots=True)
class Group:
    """One group as it is for a profile.

    `packages`: name -> version, "" for whatever fits. `free`: pins of the lock that the resolver may choose anew.
    `download` and `disk` are bytes.
    """

    name: str
    what: str
    packages: Mapping[str, str]
    free: tuple[str, ...]
    download: int
    disk: int


@cache
def _document() -> dict[str, Any]:
    return toml.parse(FILE.read_bytes())


def names() -> tuple[str, ...]:
    """The names of all groups."""
    return tuple(_document())


def group(name: str, profile: Profile) -> Group:
    """The group of that name for a profile. Raises KeyError."""
    row = _document()[name]
    row = row | row.get("profiles", {}).get(profile.borrowed or profile.name, {})
    free = tuple(row.get("free", ()))
    return Group(name, row["what"], dict(row["packages"]), free, row["download"], row["disk"])


def installed(profile: Profile, distributions: Iterable[str]) -> tuple[str, ...]:
    """The groups of which every package is there."""
    have = set(distributions)
    return tuple(name for name in names() if have.issuperset(group(name, profile).packages))
