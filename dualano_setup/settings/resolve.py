"""What the user asked for: flag beats DUALANO_ variable beats dualano.toml beats default."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..language import _
from ..system.files import read_whole

if TYPE_CHECKING:
    from .suppressions import Suppression
from ..errors import UsageError
from .options import OPTIONS, SETTINGS_FILE, Option, Settings

MAX_SETTINGS = 1 << 20  # bytes


_WHOLE = re.compile(r"0*[1-9][0-9]{0,17}")


def resolve(
    flags: Mapping[str, object], variables: Mapping[str, str] | None = None, project: Path | None = None
) -> Settings:
    """Settings from flags (None means not given), variables and the nearest dualano.toml upwards of the working folder.

    Raises UsageError for an unreadable file, an unknown key, or a value of the wrong kind, naming where it stands.
    """
    variables = os.environ if variables is None else variables
    start = project or Path.cwd()
    file = next((f / SETTINGS_FILE for f in (start, *start.parents) if (f / SETTINGS_FILE).is_file()), None)
    base = file.parent if file else start
    document = _read(file) if file else {}
    suppress = _suppressions(document.pop("suppress"), file) if file and "suppress" in document else ()
    stored = _flatten(document, file) if file else {}
    values: dict[str, Any] = {}
    said_by: dict[str, str] = {}
    for option in OPTIONS:
        given: tuple[tuple[object, str, Path], ...] = (
            (flags.get(option.key), f"--{option.key.replace('_', '-')}", Path.cwd()),
            (variables.get(option.variable) or None, option.variable, Path.cwd()),
            (stored.get((option.table, option.key)), str(file), base),
        )
        for value, source, relative_to in given:
            if value is not None:
                values[option.key] = _typed(option, value, source, relative_to)
                said_by[option.key] = source
                break
    return Settings(project=base, suppress=suppress, said_by=said_by, **values)


def resolve_again(settings: Settings) -> Settings:
    """The same command line and variables over dualano.toml as it stands now: a fix may have written it."""
    flags = {key: getattr(settings, key) for key, said_by in settings.said_by.items() if said_by.startswith("--")}
    return resolve(flags, project=settings.project)


def _suppressions(rows: object, file: Path) -> tuple[Suppression, ...]:
    from .suppressions import read_suppressions  # most files have none, and pay nothing

    return read_suppressions(rows, file)


def _read(file: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:  # the same parser under its older name
        import tomli as tomllib
    try:
        document = tomllib.loads(read_whole(file, MAX_SETTINGS).decode("utf-8"))
        repr(document)  # a number that is too long for Python to write is found here, not in a message about it
        return document
    except (OSError, ValueError, RecursionError) as error:  # ValueError: not UTF-8, not TOML, such a number
        raise UsageError(
            _(
                "{file} cannot be read: {error}. Mend it, or move it away and run `dualano-doctor init`.",
                file=file,
                error=error,
            )
        ) from error


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
    if option.kind == "text" and isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    expected = {
        "path": _("a path"),
        "flag": _("true or false"),
        "whole": _("a whole number above 0"),
        "text": _("text"),
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
