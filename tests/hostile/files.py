"""What can stand in a file's place that nobody may wait for, follow or hold whole."""

from __future__ import annotations

import os
from pathlib import Path

HUGE = 1 << 30


def gigabyte(path: Path) -> None:
    """One line of a gigabyte that takes no room on the disk."""
    path.touch()
    os.truncate(path, HUGE)


def loop(path: Path) -> None:
    """A link to itself."""
    path.symlink_to(path.name)


def zeros(path: Path) -> None:
    """A link to a device that never ends."""
    path.symlink_to("/dev/zero")


def nested(path: Path) -> None:
    """Deeper than any parser may descend, in a form that YAML, TOML and JSON all begin to read."""
    key = "a = " if path.suffix == ".toml" else ""
    path.write_text(key + "[" * 200_000 + "\n")
