"""The one exception that a person's mistake raises.

Every command of the trainer prints its message without a traceback and leaves with status 1.
"""

from __future__ import annotations


class TrainerError(Exception):
    """Says what was seen, what was expected and what to do next, in one message."""

    def __str__(self) -> str:
        """The message with control characters made visible: a file's name in it must not steer a terminal."""
        return "".join(c if c in "\n\t" or c.isprintable() else f"\\x{ord(c):02x}" for c in super().__str__())
