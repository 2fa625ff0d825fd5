"""One job at a time on a GPU, of all this user's campaigns on this machine: a lock that the kernel lets go of."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..system.processes import JOB_VARIABLE, Identity, end_marked, identify, is_alive

_GRACE = 30.0
_MOST = 4096


class BusyError(Exception):
    """Another job has the GPU; the text is its folder."""


@contextlib.contextmanager
def gpu_lock(gpu: str, job: Path) -> Iterator[int | None]:
    """Holds the lock of a GPU in the block, and gives its descriptor, for the command to hold as well.

    What a supervisor that was killed has left on the GPU is ended first. None without a GPU, or where locks cannot be
    kept. Raises BusyError.
    """
    handle = _opened(gpu) if gpu else None
    if handle is None:
        yield None
        return
    try:
        if not _locked(handle):
            owner, left = _owner(handle)
            if owner is None or is_alive(owner) or not left:
                raise BusyError(left)
            end_marked(left, _GRACE, JOB_VARIABLE)
            if not _locked(handle):
                raise BusyError(left)
        own = identify(os.getpid())
        assert own is not None
        text = json.dumps({"pid": own.pid, "started": own.started, "boot": own.boot, "job": str(job)})
        with contextlib.suppress(OSError):  # a full disk: the lock holds all the same, only without a name
            os.ftruncate(handle, 0)
            os.pwrite(handle, text.encode(), 0)
        yield handle
    finally:
        os.close(handle)


def _opened(gpu: str) -> int | None:
    folder = Path(tempfile.gettempdir()) / f"dualano-{os.getuid()}"
    name = "".join(letter if letter.isalnum() else "-" for letter in gpu)
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.lstat().st_uid == os.getuid() and not folder.is_symlink():
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            return os.open(folder / f"gpu-{name}.lock", flags, 0o600)
    return None


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _owner(handle: int) -> tuple[Identity | None, str]:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        row = json.loads(os.pread(handle, _MOST, 0))
        return Identity(int(row["pid"]), str(row["started"]), str(row["boot"])), str(row["job"])
    return None, ""
