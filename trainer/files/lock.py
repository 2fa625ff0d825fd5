"""A lock that the kernel lets go when its process ends, however it ends."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path

from ..errors import TrainerError

LOCK_NAME = ".training-lock"
#: What a file system answers that has no locks: Lustre without `-o flock`, NFS without its lock service, some FUSE.
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF, errno.EPERM)


def take_lock(handle: int, output: Path) -> bool:
    """Take the lock; False on a file system that has none.

    Raises:
        TrainerError: another process has it.
        OSError: it cannot be known whether there are locks.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in NO_LOCKS:
            return False
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        holder = os.pread(handle, 20, 0).decode() or "unknown"
        raise TrainerError(
            f"Another run (process {holder}) writes into {output} now. End it, or give another --output_dir."
        ) from error
    with contextlib.suppress(OSError):  # a full disk: the lock holds all the same, only without a name
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
    return True
