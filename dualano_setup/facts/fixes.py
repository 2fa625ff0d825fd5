"""What a fix's journal says of its state. Light: every `check` in a project that was ever repaired comes here."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..language import _
from ..system.files import plain_error, read_whole

FIXES = Path(".dualano") / "fixes"
JOURNAL = "journal.jsonl"
PLAN = "plan.json"
_MAX_JOURNAL = 1 << 24  # bytes; a hundred actions write some ten thousand
_ID = re.compile(r"\d{8}-\d{6}(-\d{1,9})?")


def fix_folders(project: Path) -> list[Path]:
    """The folders of the project's fixes, in no order. Raises OSError when they cannot be listed.

    Only what a fix of ours would have made: a project comes from strangers, and a link in this place would make
    fixes of the folders of somebody's home, to be settled, and that means removed, by the next command.
    """
    folder = project / FIXES
    if folder.is_symlink() or not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return [Path(e.path) for e in entries if e.is_dir(follow_symlinks=False) and _ID.fullmatch(e.name)]


def read_events(file: Path) -> list[dict[str, Any]]:
    """All whole events of a journal, in order. A line that a crash cut short never counted.

    One event "unreadable" with its reason for what cannot be read, or what no fix of ours leaves there (a pipe, a
    folder, gigabytes): without `inodes` in its first event a journal is not followed.
    """
    try:
        lines = read_whole(file, _MAX_JOURNAL).decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        return [{"event": "unreadable", "why": plain_error(error)}]
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


def was_written_here(folder: Path, events: Sequence[dict[str, Any]]) -> bool:
    """Whether this very folder was made by a fix here, and not copied, unpacked or cloned with the project.

    A project can come from strangers, with a forged journal in it whose undoing would write what they like where they
    like. They cannot foretell the inodes that their files will get.
    """
    try:
        inodes = [folder.lstat().st_ino, (folder / PLAN).lstat().st_ino]
    except OSError:
        return False
    return next(iter(events), {}).get("inodes") == inodes


def never_began(folder: Path, events: Sequence[dict[str, Any]]) -> bool:
    """Whether a crash came before the first event: nothing was changed, and nothing but the plan can be there."""
    if events:
        return False
    with os.scandir(folder) as entries:
        return all(e.name in (PLAN, JOURNAL) and not e.is_dir(follow_symlinks=False) for e in entries)


def unsettled(project: Path) -> list[str]:
    """Ids of fixes that a crash left open, those that the next `fix` or `undo` settles.

    Only looks; takes no lock, so one that runs right now counts as well. Raises OSError when it cannot look.
    """
    found = [(folder, read_events(folder / JOURNAL)) for folder in fix_folders(project)]
    return sorted(
        folder.name
        for folder, events in found
        if state_of(events) in ("open", "taking-back")
        and (never_began(folder, events) or was_written_here(folder, events))
    )


def unreadable(project: Path) -> list[str]:
    """A sentence on each journal that cannot be read. Raises OSError when it cannot look."""
    found = [(folder, why_unreadable(read_events(folder / JOURNAL))) for folder in fix_folders(project)]
    return [unreadable_journal(folder, why) for folder, why in sorted(found) if why]


def unreadable_journal(folder: Path, why: str) -> str:
    """What to tell of a fix whose journal cannot be read."""
    return _(
        "the journal in {folder} cannot be read ({why}): its fix is neither finished nor taken back. If another user "
        "made it, run `fix` or `undo` as that user; else delete the folder when you do not need what it kept",
        folder=folder,
        why=why,
    )


def why_unreadable(events: Sequence[dict[str, Any]]) -> str:
    """The reason why a journal could not be read; "" for one that was."""
    first = next(iter(events), {})
    return str(first.get("why", "")) if first.get("event") == "unreadable" else ""
