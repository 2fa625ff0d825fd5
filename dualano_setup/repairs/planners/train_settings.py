"""Plans smaller training settings, written to dualano.toml, for a GPU that is too small for the wanted ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...language import _
from ...rules.finding import Finding
from ...rules.gpu.rules import proposed_settings
from ...rules.rule import Context
from ...settings.options import SETTINGS_FILE
from ...system.files import read_whole
from ..action import Planned
from ..actions.files import WriteFile
from ..journal.journal import all_fixes

RULES = ("GPU003",)
_MAX_SETTINGS = 1 << 20  # bytes


def plan(context: Context, findings: Sequence[Finding]) -> Planned:
    """The keys of [train] with which the run fits; comments and order of the file stay."""
    changes = proposed_settings(context)
    if not changes:
        return Planned()
    rules = tuple(dict.fromkeys(finding.rule for finding in findings))
    text = ", ".join(f"{key} = {str(value).lower()}" for key, value in changes.items())
    why = _("so that the run fits into the GPU's memory: {text}", text=text)
    values = {("train", key): value for key, value in changes.items()}
    write = write_settings_file(context.settings.project, values, rules, why)
    louder = [key for key in changes if context.settings.said_by.get(key, str(write.path)) != str(write.path)]
    notes = [
        _("{said_by} beats dualano.toml; change or drop it as well", said_by=context.settings.said_by[key])
        for key in louder
    ]
    return Planned((write,), tuple(notes))


def write_settings_file(
    project: Path, values: Mapping[tuple[str, str], object], rules: tuple[str, ...], why: str
) -> WriteFile:
    """The project's dualano.toml with these values, by (table, key); comments and the order of the file stay."""
    import tomlkit

    path = project / SETTINGS_FILE
    before = read_whole(path, _MAX_SETTINGS) if path.exists() else b""
    document = tomlkit.parse(before.decode("utf-8"))
    for (table, key), value in values.items():
        place = document.setdefault(table, tomlkit.table()) if table else document
        place[key] = value
    digest = hashlib.sha256(before).hexdigest() if path.exists() else ""
    return WriteFile(path, tomlkit.dumps(document).encode("utf-8"), digest, rules, why)


def still_as_fitted(project: Path) -> bool:
    """Whether the project's settings file is byte for byte as a `fix` here left it that fitted the run to the GPU."""
    path = project / SETTINGS_FILE
    try:
        fitted = {
            action.after_sha256
            for fix in all_fixes(project)
            if fix.state() == "finished"
            for action in fix.plan().actions
            if isinstance(action, WriteFile) and action.path == path and set(RULES) & set(action.rules)
        }
    except (OSError, LookupError, TypeError, ValueError):  # a journal of another version: only a remark is lost
        return False
    return bool(fitted) and path.is_file() and hashlib.sha256(read_whole(path, _MAX_SETTINGS)).hexdigest() in fitted
