"""Chooses the Python that a new environment is made from."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from ..facts.sheet import PythonInstall
from ..knowledge.profile import Profile


def choose_python(
    pythons: Sequence[PythonInstall], profile: Profile, find_links: Sequence[str]
) -> PythonInstall | None:
    """The best Python on this machine for the profile, None when none is in its range or has a lock.

    First one for which a local folder of wheels holds the profile's torch: whoever put it there meant it to be used,
    and it saves the largest download. Then the profile's preferred version, then the one this program runs on.
    """
    local = wheels_for(find_links, "torch", profile.packages.get("torch", ""))
    wanted = SpecifierSet(profile.python)
    fitting = [p for p in (*pythons, _own()) if wanted.contains(p.version, prereleases=True) and _locked(profile, p)]

    def rank(python: PythonInstall) -> tuple[bool, bool, bool, tuple[int, ...]]:
        minor = _minor(python.version)
        tag = "cp" + minor.replace(".", "")
        own = minor == _minor(_own().version)
        return (tag in local, minor == profile.python_preferred, own, tuple(int(n) for n in minor.split(".")))

    return max(fitting, key=rank, default=None)


def wheels_for(find_links: Sequence[str], name: str, version: str) -> set[str]:
    """Interpreter tags ("cp311") of the wheels of that package and version in local folders."""
    tags = set()
    for place in find_links:
        folder = Path(place.removeprefix("file://"))
        for wheel in folder.glob(f"{name}-*.whl") if folder.is_dir() else ():
            try:
                found, found_version, _, wheel_tags = parse_wheel_filename(wheel.name)
            except InvalidWheelFilename:
                continue
            if found == name and version in (found_version.public, str(found_version)):
                tags |= {tag.interpreter for tag in wheel_tags}
    return tags


def _own() -> PythonInstall:
    return PythonInstall(sys.executable, ".".join(map(str, sys.version_info[:3])))


def _locked(profile: Profile, python: PythonInstall) -> bool:
    try:
        profile.lock_file(python.version)
    except KeyError:
        return False
    return True


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
