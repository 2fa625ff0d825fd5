"""The date; and the clock of a disk, which on a shared one is another machine's."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

TODAY = "DUALANO_TODAY"
"""A date ("2027-03-01") to take for today's, in tests and for those who ask what will be."""


def today() -> str:
    """The date, like "2026-11-28"."""
    return os.environ.get(TODAY) or time.strftime("%Y-%m-%d", time.gmtime())


def disk_clock(folder: Path) -> float:
    """The time, in seconds since the epoch, that a file written below `folder` now would bear.

    This machine's own clock where nothing can be written.
    """
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".clock-") as file:
            file.write(b".")
            file.flush()
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return time.time()
