"""What the user asked for: flag beats DUALANO_ variable beats dualano.toml beats default."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..language import _

if TYPE_CHECKING:
    from .suppressions import Suppression
from ..errors import UsageError
from .options import OPTIONS, Option, Settings
from .stored import Stored, read_document, read_stored

_WHOLE = re.compile(r"0*[1-9][0-9]{0,17}")


def resolve(
    flags: Mapping[str, object],
    variables: Mapping[str, str] | None = None,
    project: Path | None = None,
    *,
    stored: Stored | None = None,
) -> Settings:
    """Settings from flags (None means not given), variables and the nearest dualano.toml upwards of the working folder.

    `stored` is that file where it has been read already. Raises UsageError for an unreadable file, an unknown key, or
    a value of the wrong kind, naming where it stands.
    """
    variables = os.environ if variables is None else variables
    stored = stored or read_stored(project or Path.cwd())
    file = stored.file
    document = {**(read_document(file) if file and stored.document is None else stored.document or {})}
    suppress = _suppressions(document.pop("suppress"), file) if file and "suppress" in document else ()
    campaign = _campaign(document.pop("campaign"), file) if file and "campaign" in document else {}
    written = _flatten(document, file) if file else {}
    values: dict[str, Any] = {}
    said_by: dict[str, str] = {}
    for option in OPTIONS:
        given: tuple[tuple[object, str, Path], ...] = (
            (flags.get(option.key), option.flag, Path.cwd()),
            (variables.get(option.variable) or None, option.variable, Path.cwd()),
            (written.get((option.table, option.key)), str(file), stored.base),
        )
        for value, source, relative_to in given:
            if value is not None:
                said_by[option.key] = source
                typed = _typed(option, value, source, relative_to)
                if option.kind == "texts":
                    assert isinstance(typed, tuple)
                    values |= {option.key: typed[0], "anomalies": typed if len(typed) > 1 else ()}
                else:
                    values[option.key] = typed
                break
    return Settings(project=stored.base, suppress=suppress, campaign=campaign, said_by=said_by, **values)


def resolve_again(settings: Settings) -> Settings:
    """The same command line and variables over dualano.toml as it stands now: a fix may have written it."""
    flags = {key: getattr(settings, key) for key, said_by in settings.said_by.items() if said_by.startswith("--")}
    if "anomaly" in flags and settings.anomalies:
        flags["anomaly"] = settings.anomalies
    return resolve(flags, project=settings.project)


def _suppressions(rows: object, file: Path) -> tuple[Suppression, ...]:
    from .suppressions import read_suppressions  # most files have none, and pay nothing

    return read_suppressions(rows, file)


def _campaign(table: object, file: Path) -> dict[str, Any]:
    from .campaign import read_campaign  # most files have none, and pay nothing

    return read_campaign(table, file)


def _flatten(document: Mapping[str, Any], file: Path) -> dict[tuple[str, str], object]:
    known = {(o.table, o.key) for o in OPTIONS}
    flat: dict[tuple[str, str], object] = {}
    for key, value in document.items():
        rows = {(key, k): v for k, v in value.items()} if isinstance(value, dict) else {("", key): value}
        for place, inner in rows.items():
            if place not in known:
                name = ".".join(filter(None, place))
                near = ", ".join(sorted(k for t, k in known if t == place[0])) or _("a table that does not exist")
                raise UsageError(
                    _("{file}: unknown key `{name}`. Known here: {near}.", file=file, name=name, near=near)
                )
            flat[place] = inner
    return flat


def _typed(option: Option, value: object, source: str, relative_to: Path) -> object:
    if option.kind == "path" and isinstance(value, (str, Path)):
        path = Path(os.path.expanduser(value))  # noqa: PTH111 - Path's own raises for the home of nobody
        return path if path.is_absolute() else Path(os.path.normpath(relative_to / path))
    if option.kind == "flag":
        if isinstance(value, bool):
            return value
        if str(value).lower() in ("1", "true", "yes", "on", "0", "false", "no", "off"):
            return str(value).lower() in ("1", "true", "yes", "on")
    if option.kind == "whole" and not isinstance(value, bool) and _WHOLE.fullmatch(str(value)):
        return int(str(value))
    if option.kind == "choice" and value in option.choices:
        return value
    if option.kind == "text" and _is_text(value):
        return str(value)
    if option.kind == "texts":
        several = value.split(",") if source == option.variable and isinstance(value, str) else value
        several = several if isinstance(several, (list, tuple)) else [several]
        if several and all(map(_is_text, several)):
            return tuple(dict.fromkeys(str(one) for one in several))
    expected = {
        "path": _("a path"),
        "flag": _("true or false"),
        "whole": _("a whole number above 0"),
        "text": _("text"),
        "texts": _("text, or a list of texts"),
        "choice": _(" or ").join(option.choices),
    }[option.kind]
    raise UsageError(
        _(
            "{source}: `{key}` is {value!r}, expected {expected}.",
            source=source,
            key=option.key,
            value=value,
            expected=expected,
        )
    )


def _is_text(value: object) -> bool:
    """Whether a value can stand for a text; a bare number in TOML is a name as well."""
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)
