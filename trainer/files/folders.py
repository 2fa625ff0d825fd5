"""Output folders that are either complete or not there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import TrainerError


def refuse_non_empty(folder: Path) -> None:
    """Fail unless `folder` is free to be written: absent, or an empty folder.

    Raises:
        TrainerError: it holds something, or is a file.
    """
    if folder.is_dir():
        first = next(folder.iterdir(), None)
        if first is not None:
            raise TrainerError(
                f"{folder} is not empty (it holds {first.name}), and nothing is overwritten. "
                "Give a folder that does not exist yet."
            )
    elif folder.exists() or folder.is_symlink():
        raise TrainerError(f"{folder} exists and is not a folder. Give a folder that does not exist yet.")


@contextmanager
def made_aside(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder` that takes its name when the block ends well, and goes otherwise.

    Raises:
        TrainerError: `folder` is not free, or cannot be made.
    """
    folder = folder.absolute()  # `.` has no name to take
    refuse_non_empty(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.partial-", dir=folder.parent))
    except OSError as error:
        raise TrainerError(f"Cannot make {folder}: {error.strerror}. Give a folder you may write.") from error
    try:
        aside.chmod(0o755)
        yield aside
        try:
            aside.replace(folder)
        except OSError as error:
            raise TrainerError(f"Cannot put {folder} in place: {error.strerror}.") from error
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
