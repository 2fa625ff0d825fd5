"""What ends a command with a message for its user; the command line turns each into an exit status."""

from __future__ import annotations


class UsageError(Exception):
    """The user asked for something that cannot be: wrong flag, unreadable settings. Ends with exit status 2."""


class WorkError(Exception):
    """The work could not be done. The message says what was seen, and what to do next. Ends with exit status 1."""


class RepairError(WorkError):
    """An action could not do its work. The message says what was seen, what was expected and what to do next."""
