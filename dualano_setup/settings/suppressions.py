"""Findings that the user has answered for: `[[suppress]]` in dualano.toml, each with a reason and an end date.

    [[suppress]]
    rule = "GPU003"
    reason = "the 40 GB card comes back from repair in January"
    until = 2027-01-31
    subject = "0"          # optional: only that row of the rule; `*` and `?` stand for what they do in a shell

A suppressed finding does not block and is not repaired, and is told all the same: in the summary, in JSON, in SARIF.
Imported only when dualano.toml has such a table.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import UsageError
from ..language import N_, _

_KEYS = ("rule", "reason", "until", "subject")


_WRONG = {
    "rule": N_("{place}: `rule` is {value}, expected the id of a rule such as 'GPU003'"),
    "reason": N_("{place}: `reason` is {value}, expected a text that says why this may stay as it is"),
    "subject": N_("{place}: `subject` is {value}, expected text: the subject of the row as `check --json` shows it"),
}


class Suppression(NamedTuple):
    """One `[[suppress]]` table. It holds to the end of the day `until`; an empty `subject` means every row."""

    rule: str
    reason: str
    until: datetime.date
    subject: str = ""


def read_suppressions(rows: object, file: Path) -> tuple[Suppression, ...]:
    """The tables of `[[suppress]]`. Raises UsageError, naming the table and the key, for one that is not whole."""
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise UsageError(_("{file}: `suppress` is written as a table of its own: [[suppress]]", file=file))
    return tuple(
        _one(row, _("{file}: [[suppress]] number {number}", file=file, number=n)) for n, row in enumerate(rows, 1)
    )


def _one(row: Mapping[str, Any], place: str) -> Suppression:
    if strangers := sorted(row.keys() - set(_KEYS)):
        raise UsageError(
            _(
                "{place}: unknown key `{key}`. Known here: {known}.",
                place=place,
                key=strangers[0],
                known=", ".join(_KEYS),
            )
        )
    rule, reason = _text(row, "rule", place), _text(row, "reason", place)
    subject = _text(row, "subject", place) if "subject" in row else ""
    return Suppression(rule.upper(), reason, _date(row.get("until"), place), subject)


def _text(row: Mapping[str, Any], key: str, place: str) -> str:
    value = row.get(key)
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise UsageError(_(_WRONG[key], place=place, value=_("missing") if value is None else repr(value)))


def _date(value: object, place: str) -> datetime.date:
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = datetime.date.fromisoformat(value)
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value
    if value is None:
        raise UsageError(_("{place}: every suppression ends: `until` is missing, e.g. until = 2027-01-31", place=place))
    raise UsageError(_("{place}: `until` is {value!r}, expected a date such as 2027-01-31", place=place, value=value))
