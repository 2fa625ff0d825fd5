"""Files that are either whole or as they were before."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile

from safetensors import SafetensorError

from ..errors import TrainerError


def replace_atomically(target: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `target`, push it to the disk, then rename it.

    Raises:
        OSError: the disk is full or the folder cannot be written to; the old file is untouched. So it is after
            whatever `write` raises.
    """
    with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as handle:
        temporary = Path(handle.name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        sync(temporary)
        os.replace(temporary, target)  # noqa: PTH105 - the name says that it replaces
        sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(target: Path, write: Callable[[Path], object]) -> Path:
    """`replace_atomically`, making the folder too; gives `target`.

    Raises:
        TrainerError: it cannot be written; the old file is untouched.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_atomically(target, write)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise TrainerError(f"Cannot write {target}: {error}. Free space or choose another folder.") from error
    return target


def sync(path: Path) -> None:
    """Push a file or a folder's entries to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
