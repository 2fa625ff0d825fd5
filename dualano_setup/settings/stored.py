"""`dualano.toml` as it is read: once, before it is known in which language to complain about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..language import _
from ..light_dataclasses import dataclass, field
from ..system import toml
from ..system.files import read_whole
from .options import SETTINGS_FILE
from .windows import eaten_backslash, from_windows

MAX_SETTINGS = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """The nearest dualano.toml upwards of a folder. `document` is empty without a file, None when it cannot be read."""

    base: Path  # what its relative paths start from
    file: Path | None = None
    document: dict[str, Any] | None = field(default_factory=dict)


def read_stored(start: Path) -> Stored:
    """The settings file that holds for that folder. Never raises for what is in it."""
    file = next((f / SETTINGS_FILE for f in (start, *start.parents) if (f / SETTINGS_FILE).is_file()), None)
    if file is None:
        return Stored(start)
    try:
        return Stored(file.parent, file, read_document(file))
    except UsageError:  # raised again, in the right language, where the settings are needed
        return Stored(file.parent, file, None)


def read_document(file: Path) -> dict[str, Any]:
    """What a settings file says. Raises UsageError when it cannot be read, or is no TOML."""
    data = b""
    try:
        data = read_whole(file, MAX_SETTINGS)
        document = toml.parse(data)
        repr(document)  # a number that is too long for Python to write is found here, not in a message about it
        reason = eaten_backslash(document)
    except (OSError, ValueError, RecursionError) as error:  # ValueError: not UTF-8, not TOML, such a number
        if reason := from_windows(data):
            raise UsageError(_("{file} cannot be read: {error}", file=file, error=reason)) from error
        raise UsageError(
            _(
                "{file} cannot be read: {error}. Mend it, or move it away and run `dualano-doctor init`.",
                file=file,
                error=error,
            )
        ) from error
    if reason:
        raise UsageError(_("{file} cannot be read: {error}", file=file, error=reason))
    return document
