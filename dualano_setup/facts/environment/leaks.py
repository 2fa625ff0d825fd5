"""Folders outside the environment whose packages its Python would import."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping

from ...system.files import names_at, text_at
from ...versions import normalise
from ..sheet import Leak
from .layout import Layout
from .packages import names_in

_TORCHS_OWN = ("libcudnn", "libnvJitLink")
"""Those of which other releases under the same name were reported to break torch (pytorch issues 119989, 134929)."""


def find_leaks(
    layout: Layout, installed: Collection[str], wanted: Collection[str], variables: Mapping[str, str]
) -> tuple[Leak, ...]:
    """Every leak, in the order Python would search them.

    `installed` and `wanted` are normalised names: what the environment has, and what the profile names. A leak's
    `shadows` are the distributions there that are in either (of a "library-path": the libraries). Editable projects
    count only where they shadow.
    """
    concerned = set(installed) | set(wanted)
    found = [
        *_pythonpath(layout, variables, concerned),
        *_user_site(layout, variables, concerned),
        *_pth(layout, concerned),
        *_system_site(layout, concerned),
        *_library_path(layout, variables),
    ]
    return tuple(found)


def _library_path(layout: Layout, variables: Mapping[str, str]) -> Iterator[Leak]:
    """Folders of LD_LIBRARY_PATH with libraries that torch's wheels bring themselves: the loader takes these first."""
    for entry in variables.get("LD_LIBRARY_PATH", "").split(os.pathsep):
        if not entry or _inside(entry, layout.prefix):
            continue
        own = {name.partition(".so")[0] for name in names_at(entry) if name.startswith(_TORCHS_OWN) and ".so" in name}
        if own:
            yield Leak("library-path", entry, tuple(sorted(own)))


def _pythonpath(layout: Layout, variables: Mapping[str, str], concerned: Collection[str]) -> Iterator[Leak]:
    for entry in variables.get("PYTHONPATH", "").split(os.pathsep):
        if entry and os.path.isdir(entry) and not _inside(entry, layout.prefix):
            yield Leak("pythonpath", entry, _shadows(entry, concerned))


def _user_site(layout: Layout, variables: Mapping[str, str], concerned: Collection[str]) -> Iterator[Leak]:
    """The user site, under the rules of Python's `site`: off in a venv without system site-packages, off by
    PYTHONNOUSERSITE, and there only when the folder exists."""
    if layout.kind == "venv" and not layout.system_site:
        return
    if variables.get("PYTHONNOUSERSITE") or layout.python is None:
        return
    home = variables.get("HOME") or os.path.expanduser("~")
    base = variables.get("PYTHONUSERBASE") or os.path.join(home, ".local")
    minor = ".".join(layout.python.split(".")[:2])
    folder = os.path.join(base, "lib", f"python{minor}", "site-packages")
    if names_in(folder):
        yield Leak("user-site", folder, _shadows(folder, concerned))


def _pth(layout: Layout, concerned: Collection[str]) -> Iterator[Leak]:
    for folder in layout.site_packages:
        for name in (name for name in names_at(folder) if name.endswith(".pth")):
            editable = name.startswith(("__editable__", "_", "easy-install"))
            for path in _pth_paths(folder, name):
                shadows = _shadows(path, concerned)
                if not _inside(path, layout.prefix) and (shadows or not editable):
                    yield Leak("pth", path, shadows)


def _pth_paths(folder: str, name: str) -> Iterator[str]:
    """The existing folders that a .pth file adds. Lines that start with `import` are code, which nobody runs here."""
    for line in text_at(os.path.join(folder, name)).splitlines():
        entry = line.strip()
        if entry and not entry.startswith(("#", "import ", "import\t")) and "\0" not in entry:
            path = os.path.normpath(os.path.join(folder, entry))
            if os.path.isdir(path):
                yield path


def _system_site(layout: Layout, concerned: Collection[str]) -> Iterator[Leak]:
    """The base's site-packages behind a venv with `include-system-site-packages = true`."""
    if not (layout.kind == "venv" and layout.system_site and layout.base and layout.python):
        return
    minor = ".".join(layout.python.split(".")[:2])
    conda = os.path.isdir(os.path.join(layout.base, "conda-meta"))
    folders = [os.path.join(layout.base, "lib", f"python{minor}", "site-packages")]
    if layout.base == "/usr":
        folders += ["/usr/lib/python3/dist-packages", f"/usr/local/lib/python{minor}/dist-packages"]
    for folder in folders:
        if os.path.isdir(folder):
            yield Leak("conda-base" if conda else "system-site", folder, _shadows(folder, concerned))


def _shadows(folder: str, concerned: Collection[str]) -> tuple[str, ...]:
    """The concerned distributions that `folder` holds, as a dist-info or as a plain package folder."""
    modules = (name for name in names_at(folder) if name.endswith(".py") or _is_package(folder, name))
    names = {*names_in(folder), *(normalise(module.removesuffix(".py")) for module in modules)}
    return tuple(sorted(names & set(concerned)))


def _is_package(folder: str, entry: str) -> bool:
    return entry.isidentifier() and os.path.isfile(os.path.join(folder, entry, "__init__.py"))


def _inside(path: str, prefix: str) -> bool:
    real, home = os.path.realpath(path), os.path.realpath(prefix)
    return real == home or real.startswith(home + os.sep)
