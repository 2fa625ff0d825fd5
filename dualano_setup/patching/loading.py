"""Patches as they are kept on disk: one TOML file each, checked when read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from ..language import _
from ..system import toml
from .model import OPERATIONS, PARAMETER_KINDS, Edit, Parameter, Patch, PatchError, State

KNOWN_FILE = "known.json"
"""Beside the patches: states of files already met, by hash. See `known.py`."""

_PATCH_KEYS = {"title", "why", "rules", "alters_results", "default", "parameters", "edit"}
_EDIT_KEYS = {
    "files", "op", "find", "put", "scope", "target", "inside", "also", "needed_by", "where", "many",
}  # fmt: skip


def load_patches(folder: Path) -> tuple[Patch, ...]:
    """Read every `*.toml` of `folder`, in the order of the file names; the id is the file's name.

    Raises PatchError, naming the file, when one cannot be read or says something that has no meaning.
    """
    known = _load_known(folder / KNOWN_FILE)
    return tuple(_load(path, known) for path in sorted(folder.glob("*.toml")))


def patch_digest(data: bytes) -> str:
    """What ties an entry of the table of known files to one wording of a patch."""
    return hashlib.sha256(data).hexdigest()[:16]


def _load(path: Path, known: Mapping[str, Any]) -> Patch:
    data = path.read_bytes()
    try:
        table = toml.parse(data)
        return _patch(path.stem, table, _known_states(known.get(path.stem), patch_digest(data)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, PatchError) as error:
        raise PatchError(_("{path}: not a patch: {error}", path=path, error=error)) from error


def _patch(name: str, table: dict[str, Any], known: Mapping[str, tuple[State | None, ...]]) -> Patch:
    _refuse_unknown(table, _PATCH_KEYS)
    if not table["edit"]:
        raise PatchError(_("it has no edit"))
    return Patch(
        id=name,
        title=table["title"],
        why=table["why"],
        rules=tuple(table["rules"]),
        alters_results=table["alters_results"],
        default=table["default"],
        edits=tuple(_edit(entry) for entry in table["edit"]),
        parameters={key: _parameter(key, value) for key, value in table.get("parameters", {}).items()},
        known=known,
    )


def _edit(table: dict[str, Any]) -> Edit:
    _refuse_unknown(table, _EDIT_KEYS)
    operation = table["op"]
    if operation not in OPERATIONS:
        raise PatchError(
            _(
                "no operation {operation!r}; there are {operations}",
                operation=operation,
                operations=", ".join(OPERATIONS),
            )
        )
    if operation != "dedent" and not table.get("find"):
        raise PatchError(_("operation {operation!r} needs `find`", operation=operation))
    return Edit(
        files=tuple(table["files"]),
        operation=operation,
        find=table.get("find", ""),
        put=table.get("put", ""),
        scope=table.get("scope", ""),
        target=table.get("target", ""),
        inside=table.get("inside", ""),
        also=tuple(table.get("also", ())),
        needed_by=table.get("needed_by", ""),
        where=dict(table.get("where", {})),
        many=table.get("many", False),
    )


def _parameter(name: str, table: dict[str, Any]) -> Parameter:
    if table["kind"] not in PARAMETER_KINDS:
        raise PatchError(
            _(
                "parameter {name}: no kind {kind!r}; there are {parameter_kinds}",
                name=name,
                kind=table["kind"],
                parameter_kinds=", ".join(PARAMETER_KINDS),
            )
        )
    return Parameter(name=name, kind=table["kind"], default=table.get("default"))


def _refuse_unknown(table: dict[str, Any], allowed: set[str]) -> None:
    unknown = sorted(set(table) - allowed)
    if unknown:
        raise PatchError(_("unknown keys {unknown}", unknown=", ".join(unknown)))


def _load_known(path: Path) -> Mapping[str, Any]:
    try:
        table = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}  # only a shortcut: without it every file is parsed
    return table if isinstance(table, dict) else {}


def _known_states(entry: Any, digest: str) -> Mapping[str, tuple[State | None, ...]]:
    if not isinstance(entry, dict) or entry.get("patch") != digest:
        return {}
    states = set(get_args(State))
    return {sha: tuple(state if state in states else None for state in row) for sha, row in entry["files"].items()}
