"""What every flow that changes things begins with: its lock, its session, and what an earlier one left half done."""

from __future__ import annotations

from contextlib import AbstractContextManager

from ..repairs.journal.apply import Session
from ..repairs.journal.lock import Locks, locked
from ..repairs.journal.undo import not_followed, recover
from ..settings.options import Settings
from ..text.say import tell


def session(settings: Settings) -> Session:
    """What actions work with when they are taken back."""
    return Session(settings.project, settings.env, settings.offline, tell)


def hold(settings: Settings) -> AbstractContextManager[Locks]:
    """The locks on the project, its checkout and its environment. Raises LockedError."""
    return locked(settings.project, [path for path in (settings.checkout, settings.env) if path], say=tell)


def settle(settings: Settings) -> bool:
    """Settles every fix that was cut off, and tells of journals that are not followed. Whether there was one to settle.

    The caller holds the project's lock.
    """
    told = recover(settings.project, session(settings).workshop)
    for line in told + not_followed(settings.project):
        tell(line)
    return bool(told)
