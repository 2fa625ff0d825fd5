"""One file brought in, and its entry in the manifest."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from .job import Row

MANIFEST = "import.json"

#: A file of the manifest: `image` and `mask` (or null) below the category's folder, `from` and `masks` in the source,
#: `box` (left, top, right, bottom in pixels of the source) where a square was cut out, else null.
Record = dict[str, Any]


def place(source: Path, target: Path, *, copies: bool) -> None:
    """Link, or copy, one file. The source is never written to."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if copies:
        shutil.copyfile(source, target)
    else:
        target.symlink_to(os.path.abspath(source))  # noqa: PTH100 - resolve() would follow the user's own links


def record(row: Row, *, to: str = "", mask: str = "", box: tuple[int, int, int, int] | None = None) -> Record:
    """A file of the manifest."""
    return {
        "image": to or row.to,
        "mask": mask or row.mask or None,
        "from": str(row.image),
        "masks": [str(path) for path in row.masks],
        "box": list(box) if box else None,
    }
