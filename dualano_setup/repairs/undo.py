"""Takes fixes back: the last one or a named one on request, and any that a crash left half done."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from . import before as images
from .action import RepairError, Workshop
from .environment import RELEASED, MakeEnvironment
from .journal import Journal, all_fixes, forget

WorkshopOf = Callable[[int], Workshop]


def take_back(journal: Journal, workshop_of: WorkshopOf, why: str) -> list[str]:
    """Undoes every begun action, last first, and writes that down.

    Returns what had to stay, in words: a target that the user changed meanwhile is theirs and is left alone.
    Safe to run again after a crash in its middle.
    """
    if journal.state() != "taking-back":
        journal.write("taking-back", why=why)
    actions = journal.plan().actions
    left = []
    for number in reversed(journal.begun_actions()):
        try:
            actions[number].undo(workshop_of(number))
        except RepairError as error:
            left.append(str(error))
            journal.write("kept", action=number, why=str(error)[:2000])
        else:
            journal.write("undone", action=number)
    journal.write("taken-back")
    return left


def recover(project: Path, workshop_for: Callable[[Journal, int], Workshop]) -> list[str]:
    """Settles every fix that a crash left open, newest first, and says in words what was done with each.

    One whose actions were all proved is completed; any other is taken back. The caller holds the project's lock.
    """
    told = []
    for journal in reversed(all_fixes(project)):
        if not journal.events():
            forget(journal)
            continue
        state = journal.state()
        if state == "open" and journal.all_verified():
            journal.write("finished")
            told.append(f"fix {journal.id} was cut off after its last step; it is complete")
        elif state in ("open", "taking-back"):
            left = take_back(journal, lambda number, journal=journal: workshop_for(journal, number), "found cut off")  # type: ignore[misc]
            told.append(f"fix {journal.id} was cut off in the middle; everything it had changed is taken back")
            told += [f"  except: {reason}" for reason in left]
    return told


def unsettled(project: Path) -> list[str]:
    """Ids of fixes that a crash left open. Only looks; takes no lock, so one that runs right now counts as well."""
    return [journal.id for journal in all_fixes(project) if journal.state() in ("open", "taking-back")]


def find_fix(project: Path, wanted: str | None) -> Journal:
    """The named fix, or the newest one that can be undone. Raises RepairError when there is none."""
    fixes = all_fixes(project)
    finished = [journal for journal in fixes if journal.state() == "finished"]
    if wanted is None:
        if not finished:
            raise RepairError(f"there is no fix to undo in {project}")
        return finished[-1]
    chosen = next((journal for journal in fixes if journal.id == wanted), None)
    if chosen is None or chosen not in finished:
        known = ", ".join(journal.id for journal in finished) or "none"
        reason = "is already taken back" if chosen else "does not exist"
        raise RepairError(f"fix {wanted} {reason}; fixes that can be undone: {known}")
    return chosen


def undo_fix(journal: Journal, workshop_of: WorkshopOf) -> None:
    """Takes one finished fix back. Raises RepairError, having changed nothing, when the user changed a target since."""
    actions = journal.plan().actions
    obstacles: list[str] = []
    answered: set[object] = set()
    for number in reversed(journal.begun_actions()):
        target = getattr(actions[number], "path", number)
        if target not in answered:  # what a later action of this fix put there is not the user's doing
            obstacles.append(actions[number].obstacle(workshop_of(number)))
        answered.add(target)
    if any(obstacles):
        raise RepairError("nothing was undone:\n" + "\n".join(filter(None, obstacles)))
    if left := take_back(journal, workshop_of, "undo"):
        raise RepairError("\n".join(left))


def release_older(journals: Sequence[Journal]) -> None:
    """Lets go of the environments that older fixes keep, so that one old generation stays, not all of them."""
    for journal in journals:
        for number, action in enumerate(journal.plan().actions):
            folder = journal.folder / f"{number:02d}"
            record = images.load(folder) if isinstance(action, MakeEnvironment) else None
            if record and record.kind == "aside" and os.path.lexists(record.image):
                images.write_synced(folder / RELEASED, b"", 0o600)
                images.remove_tree(Path(record.image))
