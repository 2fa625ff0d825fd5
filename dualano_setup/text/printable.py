"""Text that cannot steer a terminal, whoever wrote it."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text without control characters, so that a file's name cannot steer the terminal. Newlines stay."""
    return "".join(c if c == "\n" or c.isprintable() else f"\\x{ord(c):02x}" for c in text)
