"""Takes fixes back: the last one or a named one on request, and any that a crash left half done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ...errors import RepairError
from ...facts.fixes import unreadable_journal
from ...language import _
from ...system import atomic
from ...system.child import end_orphans
from ..action import Workshop
from ..actions import before_image as images
from ..actions.environment import RELEASED, MakeEnvironment
from .journal import Journal, all_fixes, foreign_fixes, forget

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
        workshop = workshop_of(number)
        try:
            end_orphans(workshop.folder)
            actions[number].undo(workshop)
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
            told.append(_("fix {journal} was cut off after its last step; it is complete", journal=journal.id))
        elif state in ("open", "taking-back"):
            left = take_back(journal, lambda number, journal=journal: workshop_for(journal, number), _("found cut off"))  # type: ignore[misc]
            told.append(
                _(
                    "fix {journal} was cut off in the middle; everything it had changed is taken back",
                    journal=journal.id,
                )
            )
            told += [_("  except: {reason}", reason=reason) for reason in left]
    return told


def not_followed(project: Path) -> list[str]:
    """What to tell of journals that came with the project, or that cannot be read."""
    return [_not_followed(journal) for journal in foreign_fixes(project)]


def find_fix(project: Path, wanted: str | None) -> Journal:
    """The named fix, or the newest one that can be undone. Raises RepairError when there is none."""
    fixes = all_fixes(project)
    finished = [journal for journal in fixes if journal.state() == "finished"]
    if wanted is None:
        if not finished:
            raise RepairError(_("there is no fix to undo in {project}", project=project))
        return finished[-1]
    chosen = next((journal for journal in fixes if journal.id == wanted), None)
    if foreign := next((journal for journal in foreign_fixes(project) if journal.id == wanted), None):
        raise RepairError(_not_followed(foreign))
    if chosen is None or chosen not in finished:
        known = ", ".join(journal.id for journal in finished) or _("none")
        reason = _("is already taken back") if chosen else _("does not exist")
        raise RepairError(
            _("fix {wanted} {reason}; fixes that can be undone: {known}", wanted=wanted, reason=reason, known=known)
        )
    return chosen


def _not_followed(journal: Journal) -> str:
    if why := journal.why_unreadable():
        return unreadable_journal(journal.folder, why)
    return _(
        "the journal in {folder} was not written here: it came with a copy of the project, and is not followed. "
        "What it kept lies in it; delete the folder when you do not need it",
        folder=journal.folder,
    )


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
        raise RepairError(_("nothing was undone:\n") + "\n".join(filter(None, obstacles)))
    if left := take_back(journal, workshop_of, "undo"):
        raise RepairError("\n".join(left))


def release_older(journals: Sequence[Journal]) -> None:
    """Lets go of the environments that older fixes keep, so that one old generation stays, not all of them."""
    for journal in journals:
        for number, action in enumerate(journal.plan().actions):
            folder = journal.folder / f"{number:02d}"
            record = images.load(folder) if isinstance(action, MakeEnvironment) else None
            if record and record.kind == "aside" and images.is_left(Path(record.image)):
                atomic.write_synced(folder / RELEASED, b"", 0o600)
                images.remove_tree(Path(record.image))
