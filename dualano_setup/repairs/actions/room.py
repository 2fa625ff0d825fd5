"""Whether a disk has room for what an action writes."""

from __future__ import annotations

import shutil
from pathlib import Path

from ...errors import RepairError
from ...language import _


def need_room(path: Path, size: int) -> None:
    """Raises RepairError when the file system that `path` is to lie on has not `size` bytes free."""
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    free = shutil.disk_usage(folder).free
    if free < size:
        raise RepairError(
            _(
                "{path} needs {size:.1f} GB and {folder} has {free:.1f} GB free; make room, then run `fix` again",
                path=path.name,
                size=size / 1000000000.0,
                folder=folder,
                free=free / 1000000000.0,
            )
        )
