"""Actions and plans as JSON and back: what `fix --plan --json` prints, and what the journal keeps.

Schema 1 of a plan:
  {"schema": 1, "id": "...", "basis": "<sha256>", "actions": [{"kind": ..., "rules": [...], <the action's fields>}],
   "not_repairable": ["SYS002", ...], "notes": ["..."], "cost": {"download": bytes, "disk": bytes, "seconds": s}}
Paths are strings. Bytes are {"text": "..."} when they are UTF-8, else {"base64": "..."}.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..action import Action, Cost, Plan
from ..actions.download import Download
from ..actions.environment import MakeEnvironment
from ..actions.files import MoveAside, WriteFile
from ..actions.intake import BringData
from ..actions.mended_copy import MendedCopy
from ..actions.tool import RunTrainerTool

SCHEMA = 1
KINDS: dict[str, type[Any]] = {
    action.kind: action
    for action in (WriteFile, MoveAside, Download, RunTrainerTool, BringData, MakeEnvironment, MendedCopy)
}


def action_to_json(action: Action) -> dict[str, Any]:
    """One action as a JSON object."""
    fields = {field.name: _encode(getattr(action, field.name)) for field in dataclasses.fields(KINDS[action.kind])}
    return {"kind": action.kind, **fields}


def action_from_json(row: dict[str, Any]) -> Action:
    """The action again. Raises KeyError or TypeError for rows that this version did not write."""
    action = KINDS[row["kind"]]
    hints = typing.get_type_hints(action)
    values = {name: _decode(value, hints[name]) for name, value in row.items() if name != "kind"}
    built: Action = action(**values)
    return built


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """The whole plan as a JSON object, with its total cost."""
    return {
        "schema": SCHEMA,
        "id": plan.id,
        "basis": plan.basis,
        "actions": [action_to_json(action) for action in plan.actions],
        "not_repairable": list(plan.not_repairable),
        "notes": list(plan.notes),
        "cost": dataclasses.asdict(total_cost(plan.actions)),
    }


def plan_from_json(row: dict[str, Any]) -> Plan:
    """The plan again, as the journal needs it after a crash."""
    actions = tuple(action_from_json(action) for action in row["actions"])
    return Plan(row["id"], actions, row["basis"], tuple(row["not_repairable"]), tuple(row["notes"]))


def total_cost(actions: Sequence[Action]) -> Cost:
    """The sum over all actions."""
    costs = [action.cost() for action in actions]
    return Cost(sum(c.download for c in costs), sum(c.disk for c in costs), sum(c.seconds for c in costs))


def fingerprint(actions: Sequence[Action]) -> str:
    """What a plan's promise rests on: every action names the state it was computed from, so this changes with it."""
    text = json.dumps([action_to_json(action) for action in actions], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _encode(value: Any) -> Any:
    if isinstance(value, bytes):
        try:
            return {"text": value.decode("utf-8")}
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode("ascii")}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (tuple, list)):
        return [_encode(inner) for inner in value]
    return value


def _decode(value: Any, hint: Any) -> Any:
    if hint is bytes:
        return value["text"].encode("utf-8") if "text" in value else base64.b64decode(value["base64"])
    if hint is Path:
        return Path(value)
    if isinstance(hint, types.UnionType):
        inner = next(option for option in typing.get_args(hint) if option is not type(None))
        return None if value is None else _decode(value, inner)
    if typing.get_origin(hint) is tuple:
        return tuple(_decode(item, typing.get_args(hint)[0]) for item in value)
    return value
