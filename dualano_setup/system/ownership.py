"""Whose files these are: root in somebody else's project leaves files that their owner cannot change."""

from __future__ import annotations

import os
from pathlib import Path

from ..language import _


def stranger(project: Path) -> str:
    """A warning when this user is not the owner of the project folder; empty when all is well, or nothing tells."""
    try:
        owner = project.stat().st_uid
    except OSError:
        return ""
    me = os.geteuid()
    if owner == me:
        return ""
    if me == 0:
        return _(
            "{project} belongs to user number {owner}, and this runs as root: what it makes here will be root's. "
            "Nothing here needs root; run it as the owner",
            project=project,
            owner=owner,
        )
    return _(
        "{project} belongs to user number {owner}, not to you: its settings decide which programs are started",
        project=project,
        owner=owner,
    )
