"""The fact sheet as JSON, for reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..light_dataclasses import fields, is_light
from .fact import Absent, Known, Unknown
from .sheet import FactSheet


def sheet_to_json(sheet: FactSheet) -> dict[str, Any]:
    """Plain dicts, lists and scalars. Each fact is {"state": "known", "value", "source"} or
    {"state": "absent" | "unknown", "reason", "source"}."""
    return {name: _fact(getattr(sheet, name)) for name in fields(sheet)}


def _fact(fact: object) -> dict[str, Any]:
    if isinstance(fact, Known):
        return {"state": "known", "value": _plain(fact.value), "source": fact.source}
    assert isinstance(fact, (Absent, Unknown))
    return {"state": type(fact).__name__.lower(), "reason": fact.reason, "source": fact.source}


def _plain(value: object) -> Any:
    if is_light(type(value)):
        return {name: _plain(getattr(value, name)) for name in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)  # a YAML date, say
