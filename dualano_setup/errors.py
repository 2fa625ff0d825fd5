"""What the user asked for: flag beats DUALANO_ variable beats dualano.toml beats default."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


class UsageError(Exception):
    """The user asked for something that cannot be: wrong flag, unreadable settings. Ends with exit status 2."""


class RepairError(Exception):
    """An action could not do its work. The message says what was seen, what was expected and what to do next."""
