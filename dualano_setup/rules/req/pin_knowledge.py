"""What is known about single pins of requirements files, from knowledge/requirements/."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...light_dataclasses import dataclass
from ...system import toml

_FOLDER = Path(__file__).resolve().parents[2] / "knowledge" / "requirements"

_BUILT_ELSEWHERE = tuple(
    f"file://{folder}"
    for folder in (
        "/croot/", "/tmp/build/80754af9/", "/tmp/abs_", "/home/conda/feedstock_root/", "/opt/conda/conda-bld/",
        "/work/ci_py", "/home/builder/", "/home/ktietz/src/", "/Users/builder/", "/private/var/folders/",
        "/C:/b/abs_", "/D:/bld/",
    )
)  # fmt: skip
"""Where the channels' own machines build: no other machine has these folders."""


@dataclass(frozen=True, slots=True)
class Family:
    """Distributions released under one version that own one import folder; `keep` is the one to have."""

    folder: str
    keep: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mistaken:
    """A name that is another project than the one meant.

    Not `needed` means that the line can go; `instead` is the distribution to write, where there is one.
    """

    name: str
    is_: str
    meant: str
    needed: bool
    source: str
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Releases that installers refuse, or that break under some Pythons (`python`, "" for all).

    `instead` is the version to take, "" where the pin can go.
    """

    name: str
    versions: str
    python: str
    because: str
    instead: str
    source: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A name that Linux has nothing of. One that `installs` there all the same does nothing."""

    name: str
    because: str
    installs: bool
    source: str


@dataclass(frozen=True, slots=True)
class Wheels:
    """For which Pythons one release has files."""

    name: str
    version: str
    requires_python: str | None
    tags: tuple[str, ...]
    sdist: bool
    source: str


@lru_cache(maxsize=1)
def _pins() -> dict[str, Any]:
    return toml.parse((_FOLDER / "pins.toml").read_bytes())


def known_pins() -> tuple[tuple[str, str], ...]:
    """(name, "==version") that this project's list is known to have."""
    pins = (pin.partition("==") for row in _pins()["known"] for pin in row["pins"])
    return tuple((name, f"=={version}") for name, _, version in pins)


def families() -> tuple[Family, ...]:
    """Every family of distributions that share a folder."""
    return tuple(Family(row["folder"], row["keep"], tuple(row["names"])) for row in _pins()["family"])


def mistaken() -> tuple[Mistaken, ...]:
    """Every name that is another project than the one meant."""
    return tuple(
        Mistaken(row["name"], row["is"], row["meant"], row["needed"], row["source"], row.get("instead", ""))
        for row in _pins()["mistaken"]
    )


def refused() -> tuple[Refused, ...]:
    """Every range of releases that installers refuse."""
    return tuple(Refused(**row) for row in _pins()["refused"])


def elsewhere() -> tuple[Elsewhere, ...]:
    """Every name that is nothing for Linux."""
    return tuple(
        Elsewhere(name, row["because"], row["installs"], row["source"])
        for row in _pins()["elsewhere"]
        for name in row["names"]
    )


@lru_cache(maxsize=2)
def wheels(architecture: str) -> tuple[Wheels, ...]:
    """The file lists known for Linux on `architecture` ("x86_64", "aarch64"); empty for any other."""
    rows = json.loads((_FOLDER / "wheels.json").read_text(encoding="utf-8"))["rows"]
    return tuple(
        Wheels(
            row["name"],
            row["version"],
            row["requires_python"],
            (*row[architecture], *row["any"]),
            row["sdist"],
            row["source"],
        )
        for row in rows
        if row.get(architecture) is not None
    )


def is_built_elsewhere(url: str) -> bool:
    """Whether a direct reference names the build folder of a conda package, which `pip freeze` writes down."""
    return url.startswith(_BUILT_ELSEWHERE)
