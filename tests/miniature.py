"""The bundled miniature (model, data and object masks), made once for all tests and all of their processes."""

from __future__ import annotations

import atexit
import fcntl
import functools
import os
import shutil
import tempfile
from pathlib import Path

#: The folder that the processes of one test session share; conftest makes and removes it.
SHARED = "TESTS_OF_DUALANO_SHARED"


@functools.cache
def miniature() -> Path:
    """A folder with `model`, `data` and `foreground`. Nothing in it may be changed."""
    from trainer.miniature.make import MiniatureSettings, make_miniature

    top = Path(os.environ.get(SHARED) or _own_folder())
    folder, made = top / "miniature", top / "made"
    with (top / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            places = {name: folder / name for name in ("model", "data", "foreground")}
            make_miniature(MiniatureSettings(**places, seed=0, size=64))
            made.touch()
    return folder


def _own_folder() -> str:
    folder = tempfile.mkdtemp(prefix="dualano-shared-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
