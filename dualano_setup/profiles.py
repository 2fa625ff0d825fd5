"""Profiles: the stacks this program knows, as data in knowledge/profiles/*.toml."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROFILE_FOLDER = Path(__file__).resolve().parent / "knowledge" / "profiles"


@dataclass(frozen=True, slots=True)
class Index:
    """Where some packages come from. `packages` empty means: everything no other index claims.

    `required` False: when it does not answer, the default index serves those packages instead (a larger or another
    build), and the plan says so.
    """

    name: str
    url: str  # "" is the user's own default index
    kind: str = "index"  # "index", "find-links"
    packages: tuple[str, ...] = ()
    required: bool = True


@dataclass(frozen=True, slots=True)
class Profile:
    """One stack: what to install, from where, and for which machines.

    `packages` are the pins a check compares (name -> version without local part where several builds will do);
    `builds` the CUDA build each binary package must have ("11.8", "cpu"); `lock` every distribution of the
    environment, in the form uv reads.
    """

    name: str
    title: str
    summary: str
    python: str  # specifier, ">=3.10,<3.12"
    python_preferred: str  # "3.10"
    packages: Mapping[str, str]
    optional: Mapping[str, str] = field(default_factory=dict)  # checked only when installed
    bounds: Mapping[str, str] = field(default_factory=dict)  # name -> specifier, a range that works beside the pins
    cuda: str | None = None  # "11.8"; None for CPU
    driver_min: str | None = None
    architectures: tuple[str, ...] = ()  # sm_XX that torch's build has kernels for; a "+PTX" suffix marks PTX
    indexes: tuple[Index, ...] = ()
    lock: str = ""  # file name below knowledge/profiles/
    tier: str = "expected"  # "tried", "expected", "unknown"
    tried_on: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    download_bytes: int = 0
    disk_bytes: int = 0
    needs_gpu: bool = True


def names() -> tuple[str, ...]:
    """The names of all profiles, sorted."""
    return tuple(sorted(file.stem for file in PROFILE_FOLDER.glob("*.toml")))


def load(name: str) -> Profile:
    """The profile of that name. Raises KeyError with the known names when there is none."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:  # the same parser under its older name
        import tomli as tomllib
    file = PROFILE_FOLDER / f"{name}.toml"
    if name not in names():
        raise KeyError(f"no profile {name!r}; known: {', '.join(names())}")
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    indexes = tuple(Index(**_tuples(row)) for row in document.pop("indexes", []))
    return Profile(name=name, indexes=indexes, **_tuples(document))


def _tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    """TOML's lists as the tuples that frozen records hold."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
