"""The journal of one fix: append-only, synced line by line, enough to finish or take back after any crash.

`.dualano/fixes/<id>/plan.json`    the whole plan, written before anything else
`.dualano/fixes/<id>/journal.jsonl` one event a line: begun, intent N, done N, verified N, finished;
                                    or taking-back, undone N, kept N, taken-back
`.dualano/fixes/<id>/<N>/`          what action N keeps: before-images, installer output
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import RepairError
from ...facts.fixes import (
    FIXES,
    JOURNAL,
    PLAN,
    fix_folders,
    never_began,
    read_events,
    state_of,
    was_written_here,
    why_unreadable,
)
from ...language import _
from ...system.atomic import sync_folder, write_synced
from ..action import Plan
from .serial import plan_from_json, plan_to_json


@dataclass(frozen=True, slots=True)
class Journal:
    """One fix's folder."""

    folder: Path

    @property
    def id(self) -> str:
        """The fix's id: its time in UTC."""
        return self.folder.name

    def action_folder(self, number: int) -> Path:
        """The folder of action `number`; made when missing."""
        folder = self.folder / f"{number:02d}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def write(self, event: str, **values: Any) -> None:
        """Appends one event and waits until it is on the disk. Raises OSError on a full disk."""
        line = json.dumps({"event": event, "time": round(time.time(), 3), **values}) + "\n"
        handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            # A line cut short by a crash must not swallow this one.
            data = line.encode() if _ends_clean(self._file) else b"\n" + line.encode()
            while data:
                data = data[os.write(handle, data) :]
            os.fsync(handle)
        finally:
            os.close(handle)

    def events(self) -> list[dict[str, Any]]:
        """All whole events, in order. A line that a crash cut short never counted."""
        return read_events(self._file)

    def plan(self) -> Plan:
        """The plan this fix carries out."""
        return plan_from_json(json.loads(self._plan_file.read_text(encoding="utf-8")))

    def why_unreadable(self) -> str:
        """The reason why the journal cannot be read; "" when it can."""
        return why_unreadable(self.events())

    def state(self) -> str:
        """ "finished" (undo is possible), "taken-back", "taking-back" or "open" (both: somebody died in the middle)."""
        return state_of(self.events())

    def is_ours(self) -> bool:
        """Whether this very folder was made by a fix here; see `was_written_here`."""
        return was_written_here(self.folder, self.events())

    def begun_actions(self) -> list[int]:
        """Numbers of the actions that may have changed something and are not yet taken back, in order."""
        begun: dict[int, None] = {}
        for event in self.events():
            if event["event"] == "intent":
                begun[event["action"]] = None
            elif event["event"] in ("undone", "kept"):
                begun.pop(event["action"], None)
        return list(begun)

    def all_verified(self) -> bool:
        """Whether every action of the plan was done and proved."""
        verified = {event["action"] for event in self.events() if event["event"] == "verified"}
        return verified == set(range(len(self.plan().actions)))

    @property
    def _plan_file(self) -> Path:
        return self.folder / PLAN

    @property
    def _file(self) -> Path:
        return self.folder / JOURNAL


def open_fix(project: Path, plan: Plan) -> Journal:
    """Makes the folder of a new fix with its plan inside, and the first event. Nothing is changed yet.

    Raises RepairError where the place of fixes is a link: what is kept there would not be found again.
    """
    folder = project / FIXES / plan.id
    if folder.parent.is_symlink():
        raise RepairError(
            _(
                "{folder} is a link; what a fix keeps must lie in the project's own folder. Remove the link, then run "
                "`dualano-doctor fix` again",
                folder=folder.parent,
            )
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700)
    plan_file = folder / PLAN
    write_synced(plan_file, json.dumps(plan_to_json(plan), indent=1).encode(), 0o600)
    sync_folder(folder)
    sync_folder(folder.parent)
    journal = Journal(folder)
    inodes = [folder.stat().st_ino, plan_file.stat().st_ino]
    journal.write("begun", actions=len(plan.actions), inodes=inodes)
    return journal


def new_id(project: Path) -> str:
    """An id no fix of this project has: the time, so that ids sort by age."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    number = 1
    while (project / FIXES / (stamp if number == 1 else f"{stamp}-{number}")).exists():
        number += 1
    return stamp if number == 1 else f"{stamp}-{number}"


def all_fixes(project: Path) -> list[Journal]:
    """Every fix of this project, oldest first; foreign journals are left out."""
    return [journal for journal in _journals(project) if _is_followed(journal)]


def foreign_fixes(project: Path) -> list[Journal]:
    """Journals that were not written here, or cannot be read: never followed, never undone."""
    return [journal for journal in _journals(project) if not _is_followed(journal)]


def _is_followed(journal: Journal) -> bool:
    return journal.is_ours() or never_began(journal.folder, journal.events())


def _journals(project: Path) -> list[Journal]:
    return [Journal(folder) for folder in sorted(fix_folders(project), key=_age)]


def forget(journal: Journal) -> None:
    """Removes a fix that never got as far as its first event, which is its two files and no more."""
    for name in (JOURNAL, PLAN):
        (journal.folder / name).unlink(missing_ok=True)
    journal.folder.rmdir()


def _age(folder: Path) -> tuple[str, int]:
    day, clock, number = ([*folder.name.split("-"), "1", "1"])[:3]
    return f"{day}-{clock}", int(number) if number.isdigit() else 1


def _ends_clean(file: Path) -> bool:
    data = file.read_bytes()[-1:]
    return data in (b"", b"\n")
