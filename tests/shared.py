"""The folder that the processes of one test session share, and that none of them leaves behind.

Who is killed cannot remove it: the next session does, since a folder's lock is free once its session is gone.
"""

from __future__ import annotations

import atexit
import fcntl
import functools
import os
import shutil
import tempfile
from pathlib import Path

#: The variable that names the folder to workers and to what tests start.
SHARED = "TESTS_OF_DUALANO_SHARED"
_PREFIX = "dualano-session-"
_MEMORY = Path("/dev/shm")


@functools.cache
def shared_folder() -> Path:
    """The session's folder, made by who asks first; that process removes it when it ends."""
    if SHARED not in os.environ:
        remove_stale()
        folder, lock = _make()
        _locks.append(lock)
        os.environ[SHARED] = str(folder)
        atexit.register(_remove, folder, os.getpid())
    return Path(os.environ[SHARED])


def memory_folder() -> Path:
    """A folder of the session's in memory where there is one; it goes when the session's folder does."""
    if not os.access(_MEMORY, os.W_OK):
        return shared_folder()
    folder = _MEMORY / shared_folder().name
    folder.mkdir(exist_ok=True)
    return folder


def remove_stale() -> None:
    """Remove what sessions left that are no more."""
    for folder in Path(tempfile.gettempdir()).glob(_PREFIX + "*"):
        if (lock := _lock(folder)) is not None:
            _both(folder)
            os.close(lock)


def _make() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = _lock(folder)
        if lock is not None and folder.exists():  # else one that begins at this moment took it for a left one
            return folder, lock


_locks: list[int] = []  # held until this process ends


def _lock(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock; None where another has it, or the folder is not ours."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return None
    return descriptor


def _remove(folder: Path, maker: int) -> None:
    if os.getpid() == maker:  # and not a fork of it
        _both(folder)


def _both(folder: Path) -> None:
    shutil.rmtree(_MEMORY / folder.name, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
