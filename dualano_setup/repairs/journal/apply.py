"""Carries out a plan: journal first, then the action, then its proof; or everything back as it was."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...errors import RepairError
from ...language import _
from ...system.first_signal import as_error, first_signal_raises
from ...system.unwinding import Ended
from ..action import Plan, Workshop
from ..actions.environment import MakeEnvironment
from .journal import Journal, all_fixes, open_fix
from .undo import release_older, take_back


@dataclass(frozen=True, slots=True)
class Session:
    """What one run of `fix` or `undo` gives to all its actions."""

    project: Path
    environment: Path | None = None
    offline: bool = False
    say: Callable[[str], None] = print
    variables: dict[str, str] = field(default_factory=dict)

    def workshop(self, journal: Journal, number: int) -> Workshop:
        """The workshop of action `number` of that fix."""
        folder = journal.action_folder(number)
        return Workshop(folder, self.project, self.environment, self.offline, self.say, self.variables)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a fix ended. `status` is the exit status: 0 done, 1 failed and taken back, 130 interrupted and taken back."""

    status: int
    journal: Journal
    problem: str = ""
    left: tuple[str, ...] = ()  # what could not be taken back, in words
    signal: int = 0  # what interrupted it

    def end_as_asked(self) -> None:
        """Raises `Ended` or KeyboardInterrupt when a signal interrupted the fix: the whole program was told to end."""
        if self.signal:
            raise as_error(self.signal)


def apply_plan(plan: Plan, session: Session) -> Outcome:
    """Applies every action in order and proves each. Whatever fails, all of this fix is taken back.

    The caller holds the project's lock. Raises OSError when not even the journal can be begun.
    """
    journal = open_fix(session.project, plan)
    with first_signal_raises(session.say) as first:
        try:
            _carry_out(plan, session, journal)
        except (Ended, KeyboardInterrupt) as error:
            number = error.number if isinstance(error, Ended) else signal.SIGINT
            return replace(_taken_back(journal, session, _("interrupted"), 130), signal=number)
        except (RepairError, OSError) as error:
            first.disarm()
            return _taken_back(journal, session, _in_words(error), 1)
        except Exception as error:
            first.disarm()
            outcome = _taken_back(journal, session, f"{type(error).__name__}: {error}", 1)
            if outcome.left:
                session.say("\n".join(outcome.left))
            raise
    if any(isinstance(action, MakeEnvironment) for action in plan.actions):
        release_older([fix for fix in all_fixes(session.project) if fix != journal and fix.state() == "finished"])
    return Outcome(0, journal)


def _carry_out(plan: Plan, session: Session, journal: Journal) -> None:
    for number, action in enumerate(plan.actions):
        session.say(f"[{number + 1}/{len(plan.actions)}] {action.describe()}")
        workshop = session.workshop(journal, number)
        journal.write("intent", action=number)
        action.apply(workshop)
        journal.write("done", action=number)
        if problem := action.verify(workshop):
            raise RepairError(_("the change did not hold: {problem}", problem=problem))
        journal.write("verified", action=number)
    journal.write("finished")


def _taken_back(journal: Journal, session: Session, problem: str, status: int) -> Outcome:
    session.say(_("taking everything of this fix back"))
    try:
        left = take_back(journal, lambda number: session.workshop(journal, number), problem)
    except OSError as error:  # a disk so full that not even the journal can be written
        left = [
            _(
                "{error}. Make room; the next `dualano-doctor fix` or `undo` finishes taking it back",
                error=_in_words(error),
            )
        ]
    return Outcome(status, journal, problem, tuple(left))


def _in_words(error: RepairError | OSError) -> str:
    if isinstance(error, RepairError):
        return str(error)
    return f"{error.strerror or error}: {error.filename or _('while writing')}"
