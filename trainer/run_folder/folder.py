"""An output folder belongs to one run at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

from ..errors import TrainerError
from ..files.holder_file import HOLDER_NAME, held
from ..files.lock import LOCK_NAME, take_lock
from ..weights.adapter_file import BIN_NAME, SAFETENSORS_NAME
from .checkpoints import remove_partial_checkpoints

#: Folder of the sample sheets.
SAMPLES_NAME = "samples"


@contextmanager
def claimed(output: Path) -> Iterator[None]:
    """Make the folder, keep other runs out of it, and remove what killed ones left half-written.

    The kernel lets go of the lock when the process ends, however it ends. Where the file system has no locks, that is
    said, and a file that only one can create stands in.

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
        with nullcontext() if take_lock(handle, output) else _without_locks(output):
            remove_leftovers(output)
            yield
    finally:
        os.close(handle)


@contextmanager
def _without_locks(output: Path) -> Iterator[None]:
    """Keep other runs out where the file system has no locks."""
    print(
        f"note: the file system of {output} has no locks; {HOLDER_NAME} there keeps other runs out instead. It is left "
        "behind where a run is killed, and taken over where that one is gone for certain.",
        file=sys.stderr,
        flush=True,
    )
    with ExitStack() as stack:
        try:
            stack.enter_context(held(output))
        except OSError as error:
            raise TrainerError(
                f"Cannot write into {output}: {error.strerror}. Give an --output_dir you may write."
            ) from error
        yield


def remove_leftovers(output: Path) -> None:
    """Remove temporary files and folders of trainings that were killed while writing."""
    remove_partial_checkpoints(output)
    for name in (SAFETENSORS_NAME, BIN_NAME):
        for leftover in output.glob(f".{name}.*"):
            leftover.unlink(missing_ok=True)
    for leftover in (output / SAMPLES_NAME).glob(".step-*"):
        leftover.unlink(missing_ok=True)
