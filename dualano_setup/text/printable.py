"""The report for a person at a terminal.

Written without rich on purpose: importing it costs about 60 ms, more than a third of the whole check's budget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


def printable(text: str) -> str:
    """The text without control characters, so that a file's name cannot steer the terminal. Newlines stay."""
    return "".join(c if c == "\n" or c.isprintable() else f"\\x{ord(c):02x}" for c in text)
