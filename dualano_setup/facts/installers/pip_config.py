"""Where pip would look, by its own files and variables, with pip's own precedence. netrc is not read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from ...language import _
from ...system.files import plain_error, read_whole
from ..sheet import IndexConfig

T = TypeVar("T")

_MAX = 1 << 18
_SECTIONS = ("global", "install", ":env:")
"""pip: `[install]` beats `[global]` wherever it stands, and variables beat both; within one section, files rank
global < user < site (the environment's) < PIP_CONFIG_FILE."""
_LISTS = ("extra-index-url", "find-links", "trusted-host", "constraint")
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def read_pip(variables: Mapping[str, str], prefix: str | None, etc: str = "/etc") -> IndexConfig:
    """pip's settings for installing into the environment at `prefix` (None: no environment yet).

    A file that pip itself could not parse is named in `sources` with the reason, and gives nothing. In pip one
    setting replaces the other, it does not add to it: an `extra-index-url` of the user hides the machine's.
    """
    sections: dict[str, dict[str, str]] = {name: {} for name in _SECTIONS}
    sources: list[str] = []
    for found in read_each(config_files(variables, prefix, etc), _read, sources):
        for name in _SECTIONS[:2]:
            sections[name].update(found.get(name, {}))
    for variable, value in variables.items():
        key = variable.removeprefix("PIP_").lower().replace("_", "-")
        if variable.startswith("PIP_") and value and key in _KEYS:
            sections[":env:"][key] = value
            sources.append(variable)
    values: dict[str, str] = {}
    for name in _SECTIONS:
        values.update(sections[name])
    lists = {key: tuple(values.get(key, "").split()) for key in _LISTS}
    return IndexConfig(
        index_url=values.get("index-url") or values.get("pypi-url"),
        extra_index_urls=lists["extra-index-url"],
        find_links=lists["find-links"],
        cert=values.get("cert") or first_set(variables, _CERTIFICATES),
        proxy=values.get("proxy") or first_set(variables, _PROXIES),
        trusted_hosts=lists["trusted-host"],
        constraints=lists["constraint"],
        no_index=values.get("no-index", "").lower() in ("1", "true", "yes", "on", "y", "t"),
        sources=tuple(sources),
    )


_KEYS = frozenset((*_LISTS, "index-url", "pypi-url", "cert", "proxy", "no-index"))


def config_files(variables: Mapping[str, str], prefix: str | None, etc: str = "/etc") -> tuple[str, ...]:
    """The files pip would read, the weakest first. PIP_CONFIG_FILE=/dev/null switches all of them off."""
    named = variables.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return ()
    home = variables.get("HOME") or os.path.expanduser("~")
    folders = variables.get("XDG_CONFIG_DIRS") or os.path.join(etc, "xdg")
    files = [os.path.join(folder, "pip", "pip.conf") for folder in folders.split(os.pathsep) if folder]
    files.append(os.path.join(etc, "pip.conf"))
    if not (named and os.path.exists(named)):
        own = variables.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
        files += [os.path.join(home, ".pip", "pip.conf"), os.path.join(own, "pip", "pip.conf")]
    if prefix:
        files.append(os.path.join(prefix, "pip.conf"))
    return (*files, named) if named else tuple(files)


def read_each(files: Iterable[str], read: Callable[[str], T | None], sources: list[str]) -> Iterator[T]:
    """What those of the files hold that are there; None is passed over.

    Each is named in `sources`, one that cannot be read or parsed with the reason.
    """
    for file in files:
        try:
            found = read(file)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, ValueError) as error:
            sources.append(_("{file} (cannot be read: {error})", file=file, error=plain_error(error)))
            continue
        if found is not None:
            sources.append(file)
            yield found


def _read(file: str) -> dict[str, dict[str, str]]:
    """Sections of an INI file with pip's normalised keys. Raises OSError, ValueError for what configparser refuses."""
    from configparser import Error, RawConfigParser  # 4 ms, only where there is a file

    parser = RawConfigParser()
    try:
        parser.read_string(read_whole(file, _MAX).decode("utf-8"), file)
    except Error as error:
        raise ValueError(" ".join(str(error).split())) from error
    return {
        section: {key.lower().replace("_", "-").removeprefix("--"): value or "" for key, value in parser.items(section)}
        for section in parser.sections()
    }


def first_set(variables: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    """The value of the first of these variables that is set and not empty."""
    return next((variables[name] for name in names if variables.get(name)), None)
