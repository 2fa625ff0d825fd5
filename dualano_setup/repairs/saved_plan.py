"""A saved plan: what `fix --plan --json` saves, and whether `fix --apply` may still apply it.

The document is that of `serial.plan_to_json` with one key more, `based_on`: all that the plan was computed from.
  "based_on": {"tool": "0.1.0", "project": "...", "settings": {...}, "only": [...], "with": [...],
               "profile": {"name": "...", "files": {"guide-cu118.toml": "<sha256>", ...}},
               "environment": {"prefix": "...", "python": "...", "distributions": {"torch": "2.2.0", ...}} or null,
               "findings": {"REQ001": "fail", "PKG004 torch": "fail", ...},
               "files": {"<path an action touches>": "sha256 ..." | "absent" | "folder" | ...}}

A saved plan is never carried out itself. The plan is made anew; only when both documents say the same is the new one
applied, so that a file from a stranger can start nothing that this program would not do of itself. Prose (`why`,
`notes`) and the id, which is the time, are not compared.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import RepairError, UsageError
from ..facts.fact import value
from ..knowledge.groups import names as group_names
from ..knowledge.profile import PROFILE_FOLDER
from ..language import _
from ..settings.options import OPTIONS
from ..system.atomic import sha256_of
from ..system.files import plain_error, read_whole
from ..text.redact import Redactor
from .action import Plan
from .actions.files import difference
from .journal.serial import SCHEMA, plan_to_json
from .plan import make_plan, targets_of

if TYPE_CHECKING:
    from ..check import Report
    from ..settings.options import Settings

MAX_PLAN = 64 << 20  # bytes; a plan holds the new text of every file it edits
MAX_HASHED = 64 << 20  # bytes; larger files (weights) are known by size and time
MAX_SHOWN = 40  # differences

_PROSE = frozenset(("id", "notes", "why", "basis"))  # `basis` is a hash over all actions, prose included
_ONLY_FOR_PEOPLE = ("color", "language")


def plan_document(report: Report, plan: Plan, only: frozenset[str], groups: tuple[str, ...] = ()) -> dict[str, Any]:
    """The document to save. Asks the disk for the files that the plan would touch."""
    document = plan_to_json(plan)
    # Its own pages only: the user's index URLs, which may hold passwords, never enter a plan.
    document["notes"] = [Redactor.for_this_user().text(note) for note in document["notes"]]
    document["based_on"] = _basis(report, only, groups) | {
        "files": {str(path): _state(path) for path in targets_of(plan.actions)}
    }
    return document


def plan_again(saved: Mapping[str, Any], report: Report, file: Path) -> Plan:
    """The plan for what the saved one was made for. Raises RepairError with every difference unless it is the same."""
    only, groups = frozenset(saved["based_on"]["only"]), tuple(saved["based_on"].get("with", ()))
    try:
        plan = make_plan(report, only, groups)
    except RepairError:  # what changed since says more than what cannot be planned therefore
        basis = _basis(report, only, groups)
        _require_same({"based_on": {key: saved["based_on"].get(key) for key in basis}}, {"based_on": basis}, file)
        raise
    _require_same(saved, plan_document(report, plan, only, groups), file)
    return plan


def read_saved(file: Path) -> dict[str, Any]:
    """A saved document. Raises UsageError when the file is none of ours; nothing in it is trusted beyond its shape."""
    try:
        document: Any = json.loads(read_whole(file, MAX_PLAN).decode("utf-8"))
    except OSError as error:
        raise UsageError(_("{file} cannot be read: {reason}", file=file, reason=plain_error(error))) from error
    except (ValueError, RecursionError) as error:
        reason = plain_error(error) if isinstance(error, ValueError) else _("it is nested too deeply")
        raise UsageError(_("{file} is not a saved plan: {reason}", file=file, reason=reason)) from error
    saved: dict[str, Any] = document if isinstance(document, dict) else {}
    based_on = saved.get("based_on")
    if not isinstance(based_on, dict) or saved.get("schema") != SCHEMA:
        raise UsageError(
            _("{file} is not a plan of this program; make one with `dualano-doctor fix --plan --json`", file=file)
        )
    only, groups = based_on.get("only"), based_on.get("with", [])
    named = isinstance(only, list) and all(isinstance(rule, str) for rule in only)
    if not named or not isinstance(groups, list) or not all(name in group_names() for name in groups):
        raise UsageError(_("{file} does not say for which rules it was made; make a new plan", file=file))
    return saved


def differences(place: str, then: object, now: object) -> Iterator[str]:
    """Every place where two JSON values differ, one line each; texts as a unified diff."""
    if isinstance(then, dict) and isinstance(now, dict):
        if then.keys() == now.keys() == {"text"} and isinstance(then["text"], str):
            if then != now:
                yield difference(then["text"].encode("utf-8", "surrogatepass"), now["text"].encode(), place)
            return
        for key in dict.fromkeys((*then, *now)):
            if key not in _PROSE:
                yield from differences(f"{place}.{key}" if place else str(key), then.get(key), now.get(key))
    elif isinstance(then, list) and isinstance(now, list):
        for number in range(max(len(then), len(now))):
            pair = (row[number] if number < len(row) else None for row in (then, now))
            yield from differences(f"{place}[{number}]", *pair)
    elif then != now or type(then) is not type(now):
        yield _("{place}: {then} when it was planned, {now} now", place=place, then=_brief(then), now=_brief(now))


def _require_same(saved: Mapping[str, Any], now: Mapping[str, Any], file: Path) -> None:
    """Raises RepairError with every difference, in words, when the saved plan is not what would be planned now."""
    then, basis = saved["based_on"], now["based_on"]
    changed = [row for key in dict.fromkeys((*basis, *then)) for row in differences(key, then.get(key), basis.get(key))]
    unlike = list(differences("", _without_basis(saved), _without_basis(now)))
    if changed:
        heading = _("{file} is not applied: what it was based on has changed.", file=file)
    elif unlike:
        heading = _("{file} is not applied: it is not what this program plans here. It was edited.", file=file)
    else:
        return
    rows = changed + unlike
    if len(rows) > MAX_SHOWN:
        rows = [*rows[:MAX_SHOWN], _("... and {count} more differences", count=len(rows) - MAX_SHOWN)]
    cure = _("Nothing was changed. Make a new plan with `dualano-doctor fix --plan --json`, with the same options.")
    raise RepairError("\n".join([heading, *(f"  {row}" for row in rows), cure]))


def _without_basis(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "based_on"}


def _brief(value: object) -> str:
    if value is None:
        return _("nothing")
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 200 else f"{text[:200]} ..."


def _basis(report: Report, only: frozenset[str], groups: tuple[str, ...]) -> dict[str, Any]:
    """All that a plan is computed from but the files it touches, which only the plan names."""
    return {
        "tool": __version__,
        "project": str(report.settings.project),
        "settings": _settings(report.settings),
        "only": sorted(only),
        "with": sorted(groups),
        "profile": _profile(report),
        "environment": _environment(report),
        "findings": _findings(report, only),
    }


def _settings(settings: Settings) -> dict[str, str]:
    """Every setting that has a value; how it was said does not matter."""
    values = {option.key: getattr(settings, option.key) for option in OPTIONS if option.key not in _ONLY_FOR_PEOPLE}
    return {key: str(value) for key, value in values.items() if value is not None}


def _profile(report: Report) -> dict[str, Any]:
    name = report.profile.name
    stem = report.profile.borrowed or name  # a solved profile has no file of its own
    files = sorted([PROFILE_FOLDER / f"{stem}.toml", *PROFILE_FOLDER.glob(f"{stem}.py3*.txt")])
    return {"name": name, "files": {file.name: sha256_of(file) for file in files}}


def _environment(report: Report) -> dict[str, Any] | None:
    found = value(report.sheet.environment)
    if found is None:
        return None
    distributions = {distribution.name: distribution.version for distribution in found.distributions}
    return {"prefix": found.prefix, "python": found.python, "distributions": distributions}


def _findings(report: Report, only: frozenset[str]) -> dict[str, str]:
    """The repairable findings: what the plan answers. One that only concerns a person (a busy GPU) may come and go."""
    rows: dict[str, str] = {}
    for row in report.findings:
        if row.repairable and row.status in ("fail", "warn") and (not only or row.rule in only):
            name = f"{row.rule} {row.subject}".strip()
            rows[name] = f"{rows[name]}, {row.status}" if name in rows else row.status
    return rows


def _state(path: Path) -> str:
    """What stands at a path, short, without reading anything that is not a file."""
    try:
        status = path.lstat()
    except OSError:
        return "absent"
    if stat.S_ISLNK(status.st_mode):
        real = Path(os.path.realpath(path))
        return f"link to {real}, {'a circle of links' if real.is_symlink() else _state(real)}"
    if stat.S_ISDIR(status.st_mode):
        return "folder"
    if not stat.S_ISREG(status.st_mode):
        return "neither file nor folder"
    if status.st_size > MAX_HASHED:
        return f"{status.st_size} bytes of {status.st_mtime_ns} ns"
    return f"sha256 {_hash(path)}"


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(read_whole(path, MAX_HASHED)).hexdigest()
    except OSError as error:
        return plain_error(error)
