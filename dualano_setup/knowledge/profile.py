"""Profiles: the stacks this program knows, as data in knowledge/profiles/*.toml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..language import _
from ..light_dataclasses import dataclass, field, fields

PROFILE_FOLDER = Path(__file__).resolve().parent / "profiles"
COMPILED = PROFILE_FOLDER / "all.json"
"""The folder's TOML files in one that reads fast; `python -m dualano_setup.upkeep.profiles` writes it."""


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
    driver_min: str | None = None  # the lowest driver that runs this CUDA, by minor-version compatibility
    driver_recommended: str | None = None  # the driver that CUDA toolkit was released with
    architectures: tuple[str, ...] = ()  # sm_XX that torch's build has kernels for; a "+PTX" suffix marks PTX
    indexes: tuple[Index, ...] = ()
    lock: str = ""  # file name below knowledge/profiles/, of the preferred Python; `lock_file` knows the others
    tier: str = "expected"  # "tried", "expected", "unknown"
    tried_on: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    download_bytes: int = 0
    disk_bytes: int = 0
    needs_gpu: bool = True
    machines: tuple[str, ...] = ()  # processor architectures its indexes serve ("x86_64"); empty: any
    trainers: tuple[str, ...] = ("bundled",)  # whose trainer it runs: "bundled", "checkout"
    checked: str = ""  # date of the last look at these rows
    sources: tuple[str, ...] = ()
    borrowed: str = ""  # a solved profile's: whose locks hold its libraries
    follows_torch: tuple[str, ...] = ()  # what of those locks torch's own requirements decide anew ("nvidia-*")
    built: Mapping[str, str] = field(default_factory=dict)  # what it replaces there -> local part ("+cu126")

    def lock_file(self, python: str | None = None) -> Path:
        """The lock for that Python ("3.11" or "3.11.7"; None is the preferred one).

        Raises KeyError, naming the Pythons that have one, when the profile has no lock for it.
        """
        minor = "".join((python or self.python_preferred).split(".")[:2])
        file = PROFILE_FOLDER / f"{self.borrowed or self.name}.py{minor}.txt"
        if not file.is_file():
            have = ", ".join(
                f"3.{found.stem.rpartition('.py3')[2]}" for found in _lock_files(self.borrowed or self.name)
            )
            raise KeyError(
                _(
                    "profile {name} has no lock for Python {python}; it has {have}",
                    name=self.name,
                    python=python,
                    have=have or "none",
                )
            )
        return file

    def locked(self, python: str | None = None) -> dict[str, str]:
        """Every distribution of the environment and its exact version, local part included. Raises KeyError.

        A solved profile knows only those that torch's requirements leave alone; the resolver finds the others.
        """
        lines = self.lock_file(python).read_text(encoding="utf-8").splitlines()
        pins = (line.partition(" ")[0].partition("==") for line in lines if line and line[0] not in "# ")
        found = {name: version for name, __, version in pins}
        if not self.borrowed:
            return found
        left = tuple(name.rstrip("*") for name in self.follows_torch if name.endswith("*"))
        kept = {n: v for n, v in found.items() if n not in self.follows_torch and not (left and n.startswith(left))}
        return {**kept, **{name: self.packages[name] + local for name, local in self.built.items()}}

    def hashes(self, python: str | None = None) -> dict[str, str]:
        """ "name==version" -> its lock's line with the hashes of its Linux files; pins without any are left out.

        Raises KeyError when there is no lock for that Python.
        """
        lines = self.lock_file(python).read_text(encoding="utf-8").splitlines()
        return {line.partition(" ")[0]: line for line in lines if " --hash=" in line and not line.startswith("#")}

    def to_json(self, python: str | None = None) -> dict[str, Any]:
        """The profile as the `profile --json` document; `packages` is everything that would be installed."""
        return {
            "name": self.name,
            "title": self.title,
            "summary": self.summary,
            "python": self.python,
            "python_preferred": self.python_preferred,
            "packages": self.locked(python),
            "needed": dict(self.packages),
            "optional": dict(self.optional),
            "bounds": dict(self.bounds),
            "indexes": [{name: getattr(index, name) for name in fields(index)} for index in self.indexes],
            "cuda": self.cuda,
            "driver_min": self.driver_min,
            "driver_recommended": self.driver_recommended,
            "architectures": list(self.architectures),
            "machines": list(self.machines),
            "trainers": list(self.trainers),
            "tier": self.tier,
            "tried_on": list(self.tried_on),
            "risks": list(self.risks),
            "download_bytes": self.download_bytes,
            "disk_bytes": self.disk_bytes,
            "needs_gpu": self.needs_gpu,
            "checked": self.checked,
            "sources": list(self.sources),
        }


def _lock_files(name: str) -> list[Path]:
    return sorted(PROFILE_FOLDER.glob(f"{name}.py3*.txt"), key=lambda file: (len(file.name), file.name))
