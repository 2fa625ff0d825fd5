"""What a fix's journal says of its state. Light: every `check` in a project that was ever repaired comes here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..facts.files import read_whole

FIXES = Path(".dualano") / "fixes"
JOURNAL = "journal.jsonl"
_MAX_JOURNAL = 1 << 24  # bytes; a hundred actions write some ten thousand
_UNREADABLE = [{"event": "unreadable"}]


def read_events(file: Path) -> list[dict[str, Any]]:
    """All whole events of a journal, in order. A line that a crash cut short never counted.

    One event "unreadable" for what no fix of ours leaves there (a pipe, a folder, gigabytes): a project comes from
    strangers, and without `inodes` in its first event a journal is not followed.
    """
    try:
        lines = read_whole(file, _MAX_JOURNAL).decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError:
        return list(_UNREADABLE)
    events = []
    for line in lines:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict) and "event" in event:
            events.append(event)
    return events


def state_of(events: Sequence[dict[str, Any]]) -> str:
    """ "finished" (undo is possible), "taken-back", "taking-back" or "open" (both: somebody died in the middle)."""
    for event in reversed(events):
        if event["event"] in ("finished", "taken-back", "taking-back"):
            return str(event["event"])
    return "open"


def unsettled(project: Path) -> list[str]:
    """Ids of fixes that a crash left open. Only looks; takes no lock, so one that runs right now counts as well."""
    folder = project / FIXES
    if not folder.is_dir():
        return []
    states = {entry.name: state_of(read_events(entry / JOURNAL)) for entry in folder.iterdir() if entry.is_dir()}
    return sorted(name for name, state in states.items() if state in ("open", "taking-back"))
