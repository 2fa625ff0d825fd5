"""Pythons on this machine that could make an environment, found by the names of their folders. None is started."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

from ...system.files import first_executable, names_at, text_at
from ..environment.layout import conda_python, prefix_python
from ..sheet import PythonInstall

_MINORS = range(8, 20)
_PYENV = re.compile(r"\d+\.\d+\.\d+")
_UV = re.compile(r"cpython-(\d+\.\d+\.\d+)-.+")  # free-threaded builds say "3.13.0+freethreaded" and are left out
_CONDA_FOLDERS = ("miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba")


def find_pythons(variables: Mapping[str, str], root: str = "/") -> tuple[PythonInstall, ...]:
    """Each Python once, by what it really is, newest version first. `root` is where /usr and /opt are looked for."""
    found: dict[str, PythonInstall] = {}
    for path, version in _candidates(variables, root):
        real = os.path.realpath(path)
        if version and os.path.isfile(real) and os.access(real, os.X_OK):
            found.setdefault(real, PythonInstall(real, version))
    return tuple(sorted(found.values(), key=lambda python: (_order(python.version), python.path), reverse=True))


def find_conda(variables: Mapping[str, str]) -> str | None:
    """conda or mamba: the one that says it is active, one on PATH, or one in its usual folder."""
    if os.path.isfile(variables.get("CONDA_EXE", "")):
        return variables["CONDA_EXE"]
    folders = variables.get("PATH", os.defpath).split(os.pathsep)
    places = [os.path.join(folder, name) for name in ("conda", "mamba") for folder in folders if folder]
    places += [os.path.join(folder, "bin", "conda") for folder in _conda_roots(variables)]
    return first_executable(places)


def _candidates(variables: Mapping[str, str], root: str) -> Iterator[tuple[str, str | None]]:
    home = variables.get("HOME") or os.path.expanduser("~")
    data = variables.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")
    pyenv = os.path.join(variables.get("PYENV_ROOT") or os.path.join(home, ".pyenv"), "versions")
    for name in names_at(pyenv):
        if _PYENV.fullmatch(name):
            yield os.path.join(pyenv, name, "bin", "python3"), name
    managed = variables.get("UV_PYTHON_INSTALL_DIR") or os.path.join(data, "uv", "python")
    for name in names_at(managed):
        if match := _UV.fullmatch(name):
            yield os.path.join(managed, name, "bin", "python3"), match[1]
    for prefix in _conda_prefixes(variables):
        yield os.path.join(prefix, "bin", "python"), conda_python(prefix)
    opt = os.path.join(root, "opt")
    folders = [os.path.join(opt, name, "bin") for name in names_at(opt)]
    folders += [os.path.join(root, "usr", "bin"), os.path.join(root, "usr", "local", "bin")]
    folders += [folder for folder in variables.get("PATH", "").split(os.pathsep) if folder]
    for folder in folders:
        yield from _in_folder(folder)


def _in_folder(folder: str) -> Iterator[tuple[str, str | None]]:
    """python3.8 ... python3.19 in a folder of programs. pyenv's shims are shell scripts that choose later."""
    if os.path.basename(folder.rstrip("/")) == "shims":
        return
    for minor in _MINORS:
        path = os.path.join(folder, f"python3.{minor}")
        if os.path.exists(path):
            prefix = os.path.dirname(os.path.dirname(os.path.realpath(path)))
            exact = prefix_python(prefix)
            yield path, exact if exact and exact.startswith(f"3.{minor}.") else f"3.{minor}"


def _conda_prefixes(variables: Mapping[str, str]) -> Iterator[str]:
    """conda's base installations, the environments below them, and those that conda itself has written down."""
    for base in _conda_roots(variables):
        yield base
        yield from (os.path.join(base, "envs", name) for name in names_at(os.path.join(base, "envs")))
    home = variables.get("HOME") or os.path.expanduser("~")
    lines = text_at(os.path.join(home, ".conda", "environments.txt")).splitlines()
    yield from (line.strip() for line in lines if line.strip().startswith("/"))


def _conda_roots(variables: Mapping[str, str]) -> tuple[str, ...]:
    home = variables.get("HOME") or os.path.expanduser("~")
    roots = [os.path.join(folder, name) for folder in (home, "/opt") for name in (*_CONDA_FOLDERS, "conda")]
    if variables.get("CONDA_EXE"):
        roots.insert(0, os.path.dirname(os.path.dirname(variables["CONDA_EXE"])))
    return tuple(root for root in dict.fromkeys(roots) if os.path.isdir(os.path.join(root, "conda-meta")))


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
