"""Where uv would look for `uv pip`, by its own files and variables. netrc and keyrings are not read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...system import toml
from ...system.files import read_whole
from ..sheet import IndexConfig
from .pip_config import first_set, read_each

_MAX = 1 << 20
_VARIABLES = (
    *("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"),
    *("UV_INSECURE_HOST", "UV_CONSTRAINT", "SSL_CERT_FILE"),
)


def read_uv(variables: Mapping[str, str], project: Path, etc: str = "/etc") -> IndexConfig:
    """uv's settings: variables beat the project's file, which beats the user's, which beats the machine's.

    Lists of several files are joined, the strongest first. An index marked `explicit` serves only the packages that
    name it, and so is left out. A file that cannot be parsed is named in `sources` with the reason.
    """
    sources: list[str] = []
    tables: list[Mapping[str, Any]] = []
    for found in read_each(config_files(variables, project, etc), _read, sources):
        tables += found
    default, extra = _indexes(tables)
    return IndexConfig(
        index_url=_url(first_set(variables, ("UV_DEFAULT_INDEX", "UV_INDEX_URL")) or "") or default,
        extra_index_urls=(
            *(_url(entry) for entry in variables.get("UV_INDEX", "").split()),
            *variables.get("UV_EXTRA_INDEX_URL", "").split(),
            *extra,
        ),
        find_links=(*filter(None, variables.get("UV_FIND_LINKS", "").split(",")), *_texts(tables, "find-links")),
        cert=first_set(variables, ("SSL_CERT_FILE",)),
        proxy=first_set(variables, ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")),
        trusted_hosts=(*variables.get("UV_INSECURE_HOST", "").split(), *_texts(tables, "allow-insecure-host")),
        constraints=tuple(variables.get("UV_CONSTRAINT", "").split()),
        no_index=next((table["no-index"] is True for table in tables if "no-index" in table), False),
        sources=(*sources, *(name for name in _VARIABLES if variables.get(name))),
    )


def config_files(variables: Mapping[str, str], project: Path, etc: str = "/etc") -> tuple[str, ...]:
    """The files uv would read, the strongest first; pyproject.toml counts only where it has a [tool.uv] table."""
    if variables.get("UV_CONFIG_FILE"):
        return (variables["UV_CONFIG_FILE"],)
    if variables.get("UV_NO_CONFIG", "").lower() in ("1", "true", "yes", "on"):
        return ()
    files: list[str] = []
    for folder in (project, *project.parents):
        own = [str(folder / name) for name in ("uv.toml", "pyproject.toml") if (folder / name).is_file()]
        if own:
            files.append(own[0])
            break
    home = variables.get("HOME") or os.path.expanduser("~")
    user = variables.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    files.append(os.path.join(user, "uv", "uv.toml"))
    machine = (variables.get("XDG_CONFIG_DIRS") or os.path.join(etc, "xdg")).split(os.pathsep)
    candidates = [*(os.path.join(folder, "uv", "uv.toml") for folder in machine), os.path.join(etc, "uv", "uv.toml")]
    return (*files, next((file for file in candidates if os.path.exists(file)), candidates[-1]))


def _read(file: str) -> list[Mapping[str, Any]] | None:
    """The `[pip]` table, which wins for `uv pip`, and the tables around it. None when the file is not meant for uv.

    Raises OSError or ValueError when it cannot be read.
    """
    data = read_whole(file, _MAX)
    if os.path.basename(file) == "pyproject.toml" and b"tool.uv" not in data:
        return None  # saves the parser's 11 ms in almost every project
    document: Any = toml.parse(data)
    if os.path.basename(file) == "pyproject.toml":
        document = document.get("tool", {}).get("uv") if isinstance(document.get("tool"), dict) else None
    if not isinstance(document, dict):
        return None
    pip = document.get("pip")
    return [pip, document] if isinstance(pip, dict) else [document]


def _indexes(tables: Sequence[Mapping[str, Any]]) -> tuple[str | None, tuple[str, ...]]:
    """(the default index, the others in order of priority)."""
    default: str | None = None
    extra: list[str] = []
    for table in tables:
        rows = table.get("index")
        for row in rows if isinstance(rows, list) else ():
            if not isinstance(row, dict) or not isinstance(row.get("url"), str) or row.get("explicit") is True:
                continue
            if row.get("default") is True:
                default = default or row["url"]
            else:
                extra.append(row["url"])
    for table in tables:
        named = table.get("index-url")
        default = default or (named if isinstance(named, str) else None)
    return default, (*extra, *_texts(tables, "extra-index-url"))


def _texts(tables: Sequence[Mapping[str, Any]], key: str) -> tuple[str, ...]:
    rows = (table.get(key) for table in tables)
    return tuple(text for row in rows if isinstance(row, list) for text in row if isinstance(text, str))


def _url(entry: str) -> str:
    """uv allows `name=url` where an index is named; the name is no part of the address."""
    name, equals, url = entry.partition("=")
    return url if equals and name.replace("-", "").replace("_", "").replace(".", "").isalnum() else entry
