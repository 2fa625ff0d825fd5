"""Writes `dualano.toml`: every setting with a line that explains it, the ones not chosen as comments."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import UsageError
from ..language import N_, _
from .options import OPTIONS, SETTINGS_FILE

_HEAD = N_("Settings of dualano-doctor. A flag wins over a DUALANO_ variable, a variable over this file.")
_SUPPRESSION = N_("""
# A finding that is to stay as it is for a while: it then neither blocks nor is repaired, and the report says so.
# [[suppress]]
# rule = "GPU003"
# reason = "why"
# until = 2027-01-31
# subject = "0"  # only that row of the rule; without it every row
""")
_CAMPAIGN = N_("""
# What `dualano-doctor campaign` does to all anomalies of the data set; docs/campaigns.md has every key.
# [campaign]
# categories = ["*"]
# accepted = 500
# executor = "local"  # or slurm, ssh
""")
_MAX_FOLDERS = 200


def settings_text(values: Mapping[tuple[str, str], object]) -> str:
    """The file's text. `values` by (table, key); keys that are not options are refused by the reader, not here."""
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.comment(_(_HEAD)))
    tables: dict[str, tomlkit.TOMLDocument | tomlkit.items.Table] = {"": document}
    for option in OPTIONS:
        if option.table not in tables:
            tables[option.table] = tomlkit.table()
        table = tables[option.table]
        table.add(tomlkit.nl())
        table.add(tomlkit.comment(_(option.comment)))
        value = values.get((option.table, option.key))
        if value is None:
            default = tomlkit.item(option.sample).as_string()
            table.add(tomlkit.comment(f"{option.key} = {default}"))
        else:
            table.add(option.key, tomlkit.item(value))
    for name, table in tables.items():
        if name:
            document.add(tomlkit.nl())
            document.add(name, table)
    return tomlkit.dumps(document) + _(_SUPPRESSION) + _(_CAMPAIGN)


def write_settings(folder: Path, text: str, *, replace: bool = False) -> Path:
    """Writes dualano.toml atomically. Raises UsageError when there is one and `replace` was not said, OSError."""
    from ..system.atomic import write_synced

    file = folder / SETTINGS_FILE
    if os.path.lexists(file) and not replace:
        raise UsageError(
            _(
                "{file} is there already; --force writes a new one (the old one is kept as {name}.old)",
                file=file,
                name=file.name,
            )
        )
    temporary = folder / f".{SETTINGS_FILE}.{os.getpid()}"
    write_synced(temporary, text.encode(), 0o644)
    if os.path.lexists(file):
        file.replace(file.with_name(f"{file.name}.old"))
    temporary.replace(file)
    return file


def look_around(folder: Path) -> Mapping[str, str]:
    """What lies in `folder` and would be a setting: a checkout, a data root, a model, by key, as relative paths.

    Only what is unambiguous: two models in a folder are none.
    """
    candidates = [folder, *_folders(folder)]
    checkouts = [path for path in (folder, folder.parent, *candidates) if _is_checkout(path)]
    models = [path for path in candidates if (path / "model_index.json").is_file()]
    roots = [path for path in candidates if any(_is_category(inner) for inner in _folders(path))]
    found = {
        key: os.path.relpath(paths[0], folder)
        for key, paths in (("checkout", checkouts[:1]), ("model", models), ("data", roots))
        if len(paths) == 1
    }
    if "data" in found:
        found |= _only_anomaly(roots[0])
    return found


def _only_anomaly(root: Path) -> dict[str, str]:
    categories = [path for path in _folders(root) if _is_category(path)]
    if len(categories) != 1:
        return {}
    anomalies = [path.name for path in _folders(categories[0] / "test") if path.name != "good"]
    return {"category": categories[0].name} | ({"anomaly": anomalies[0]} if len(anomalies) == 1 else {})


def _is_checkout(path: Path) -> bool:
    return any((path / tree).is_dir() for tree in ("bcm-dual-interrelated_diff", "dual-interrelated_diff"))


def _is_category(path: Path) -> bool:
    return (path / "train" / "good").is_dir() and (path / "test").is_dir()


def _folders(folder: Path) -> list[Path]:
    """The folders directly in `folder`, hidden ones left out; none when it cannot be listed."""
    try:
        found = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []
    return found[:_MAX_FOLDERS]
