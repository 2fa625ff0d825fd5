"""The clock of a disk, which on a shared one is another machine's."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path


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
