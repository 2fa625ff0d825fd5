"""What the fixes of a project changed outside its state folder, and taking all of that back for good.

Unlike `undo` this goes through every fix at once, target by target: one that the user changed since is left alone, with
all that older fixes did to it, and keeps nothing else from being put back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import RepairError
from ...system.child import end_orphans
from ...system.files import plain_error
from ..action import Action, Workshop
from ..actions import before_image as images
from ..actions.environment import RELEASED, MakeEnvironment
from ..actions.files import MoveAside, WriteFile
from .journal import Journal, all_fixes

WorkshopOf = Callable[[Journal, int], Workshop]


@dataclass(frozen=True, slots=True)
class Change:
    """One action of a finished fix that has changed something outside. `targets`: what was recorded, links resolved."""

    journal: Journal
    number: int
    action: Action
    targets: tuple[Path, ...]
    obstacle: str = ""  # why it has to stay


def changes_outside(
    project: Path, state: Path, workshop_of: WorkshopOf, spared: frozenset[Path], *, made_too: bool
) -> list[Change]:
    """Every change that is to be taken back, in the order of taking back: the last one first.

    Left out are targets in `state`, those in `spared`, and, without `made_too`, what a fix made where nothing was: data
    brought in, weights, masks. What stood in the place of such things before comes back in any case.
    """
    found: list[Change] = []
    blocked: set[Path] = set()
    asked: set[Path] = set()
    for journal, number, action in _done(project):
        workshop = workshop_of(journal, number)
        records = [record for record in _records(workshop.folder) if not _is_in(Path(record.path), state)]
        targets = tuple(Path(record.path) for record in records)
        kept = not made_too and _makes(action) and all(record.kind == "absent" for record in records)
        if not targets or kept or spared.issuperset(targets):
            continue
        problem = ""
        if not blocked.isdisjoint(targets):
            problem = "\n".join(
                change.obstacle for change in found if change.obstacle and set(change.targets) & {*targets}
            )
        elif not asked.issuperset(targets) and not _is_let_go(action, workshop):
            problem = action.obstacle(workshop)
        asked.update(targets)
        blocked.update(targets if problem else ())
        found.append(Change(journal, number, action, targets, problem))
    return found


def take_back_for_good(change: Change, workshop: Workshop) -> str:
    """Puts back what stood there before the fix; empty, or why that was not possible.

    The fix stays "finished" with the action undone, so that being cut off here leaves the rest to the next time.
    """
    try:
        end_orphans(workshop.folder)
        if _is_let_go(change.action, workshop):
            for target in change.targets:  # an older generation of ours; what stood there before was let go
                images.remove_tree(target)
        else:
            change.action.undo(workshop)
        change.journal.write("undone", action=change.number)
    except RepairError as error:
        return str(error)
    except OSError as error:
        return plain_error(error)
    return ""


def _done(project: Path) -> Iterator[tuple[Journal, int, Action]]:
    for journal in reversed(all_fixes(project)):
        if journal.state() == "finished":
            actions = journal.plan().actions
            yield from ((journal, number, actions[number]) for number in reversed(journal.begun_actions()))


def _records(folder: Path) -> list[images.Before]:
    """What an action recorded: in its own folder, or in one for each of its outputs."""
    slots = [folder, *(path for path in folder.iterdir() if path.is_dir() and path.name != images.IMAGE)]
    return [record for slot in slots if (record := images.load(slot))]


def _makes(action: Action) -> bool:
    return not isinstance(action, (WriteFile, MoveAside, MakeEnvironment))


def _is_let_go(action: Action, workshop: Workshop) -> bool:
    return isinstance(action, MakeEnvironment) and (workshop.folder / RELEASED).exists() and action.is_its(workshop)


def _is_in(path: Path, folder: Path) -> bool:
    return Path(os.path.abspath(path)).is_relative_to(folder.resolve())  # noqa: PTH100 - the path itself may be a link
