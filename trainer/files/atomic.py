"""Weight files: upstream's names in a flat dict, as safetensors or as upstream's pickled `.bin`.

Reading never runs code from the file; writing is atomic.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile

from safetensors import SafetensorError

from ..errors import TrainerError


def write_atomically(target: Path, write: Callable[[Path], object]) -> Path:
    """Let `write` fill a temporary file beside `target`, push it to the disk, then rename it.

    Raises:
        TrainerError: the disk is full or the folder cannot be written to; the old file is untouched.
    """
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as handle:
            temporary = Path(handle.name)
        write(temporary)
        temporary.chmod(0o644)
        sync(temporary)
        os.replace(temporary, target)  # noqa: PTH105 - the name says that it replaces
        sync(target.parent)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise TrainerError(f"Cannot write {target}: {error}. Free space or choose another folder.") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return target


def sync(path: Path) -> None:
    """Push a file or a folder's entries to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
