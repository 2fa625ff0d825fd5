"""The fact sheet as JSON and back: for reports, and to judge another machine's facts here."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from typing import Any

from ..language import _
from ..light_dataclasses import fields, is_light
from .fact import Absent, Known, Unknown
from .sheet import FactSheet


def sheet_to_json(sheet: FactSheet) -> dict[str, Any]:
    """Plain dicts, lists and scalars. Each fact is {"state": "known", "value", "source"} or
    {"state": "absent" | "unknown", "reason", "source"}."""
    return {name: _fact(getattr(sheet, name)) for name in fields(sheet)}


def sheet_from_json(document: Mapping[str, Any]) -> FactSheet:
    """The sheet that `sheet_to_json` made. Unknown keys are left out, so that a newer sheet can be read.

    Raises ValueError, naming the place, for what is no such document.
    """
    kinds = _hints(FactSheet)
    if not isinstance(document, Mapping):
        raise ValueError(_("a fact sheet is a JSON object"))
    return FactSheet(**{name: _from_fact(document[name], kinds[name], name) for name in kinds if name in document})


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


def _from_fact(document: Any, kind: Any, place: str) -> Any:
    if not isinstance(document, Mapping):
        raise ValueError(_("{place}: a fact is an object with a `state`", place=place))
    state = document.get("state")
    source = str(document.get("source", ""))
    if state == "known":
        known = next(option for option in typing.get_args(kind) if typing.get_origin(option) is Known)
        return Known(_build(document.get("value"), typing.get_args(known)[0], place), source)
    if state in ("absent", "unknown"):
        return (Absent if state == "absent" else Unknown)(str(document.get("reason", "")), source)
    raise ValueError(_("{place}: state is {state!r}, expected known, absent or unknown", place=place, state=state))


def _build(value: Any, kind: Any, place: str) -> Any:
    """`value` as the annotated type `kind` has it."""
    if is_light(kind):
        return _record(value, kind, place)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        options = [option for option in arguments if option is not types.NoneType]
        return None if value is None else _build(value, options[0], place)
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(_("{place}: {value!r} where a list belongs", place=place, value=value))
        inner = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
        return tuple(_build(v, k, f"{place}[{i}]") for i, (v, k) in enumerate(zip(value, inner, strict=True)))
    if kind in (str, int, bool) and not isinstance(value, kind):
        raise ValueError(_("{place}: {value!r} where {kind} belongs", place=place, value=value, kind=kind.__name__))
    return value


def _record(value: Any, kind: Any, place: str) -> Any:
    if not isinstance(value, Mapping):
        raise ValueError(_("{place}: {value!r} where an object belongs", place=place, value=value))
    hints = _hints(kind)
    known = {name: _build(value[name], hints[name], f"{place}.{name}") for name in hints if name in value}
    try:
        return kind(**known)
    except TypeError as error:
        raise ValueError(f"{place}: {error}") from error


def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)
