"""An output folder belongs to one run at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .checkpoint import BIN_NAME, SAFETENSORS_NAME
from .errors import TrainerError
from .state import remove_partial_checkpoints

LOCK_NAME = ".training-lock"
#: Folder of the sample sheets.
SAMPLES_NAME = "samples"


@contextmanager
def claimed(output: Path) -> Iterator[None]:
    """Make the folder, keep other runs out of it, and remove what killed ones left half-written.

    The kernel lets go of the lock when the process ends, however it ends.

    Raises:
        TrainerError: another run writes into it, or it cannot be made.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        # A link is not followed: the lock's file is emptied, and where it leads may be somebody's.
        handle = os.open(output / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise TrainerError(
            f"Cannot write into {output}: {error.strerror}. Give an --output_dir you may write."
        ) from error
    try:
        if _lock(handle, output):
            remove_leftovers(output)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, output: Path) -> bool:
    """Take the lock; False on a file system that has none.

    Raises:
        TrainerError: another process has it.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        holder = os.pread(handle, 20, 0).decode() or "unknown"
        raise TrainerError(
            f"Another run (process {holder}) writes into {output} now. End it, or give another --output_dir."
        ) from error
    with contextlib.suppress(OSError):  # a full disk: the lock holds all the same, only without a name
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
    return True


def remove_leftovers(output: Path) -> None:
    """Remove temporary files and folders of trainings that were killed while writing."""
    remove_partial_checkpoints(output)
    for name in (SAFETENSORS_NAME, BIN_NAME):
        for leftover in output.glob(f".{name}.*"):
            leftover.unlink(missing_ok=True)
    for leftover in (output / SAMPLES_NAME).glob(".step-*"):
        leftover.unlink(missing_ok=True)
