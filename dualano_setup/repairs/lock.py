"""One doctor at a time: a lock per project and one per changed tree, held by the kernel and so never stale.

flock is dropped by the kernel when its holder dies, whatever killed it; what the lock file says is only for people.
Trees (a checkout) are locked on their folder itself, so nothing is written into them.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .action import RepairError

PATIENCE = 10.0  # seconds to wait for another doctor


class LockedError(RepairError):
    """Another doctor works here."""


@contextmanager
def locked(
    project: Path,
    trees: Sequence[Path] = (),
    patience: float = PATIENCE,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[None]:
    """Holds the locks. Raises LockedError, naming the holder, when they are not free within `patience` seconds."""
    file = project / ".dualano" / "lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        stack.callback(os.close, handle)
        _wait(handle, patience, lambda: f"this project ({_holder(file)})", say)
        _sign(handle)
        for tree in dict.fromkeys(tree.resolve() for tree in trees if tree.is_dir()):
            tree_handle = os.open(tree, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, tree_handle)
            _wait(tree_handle, patience, lambda tree=tree: f"{tree} (from another project)", say)  # type: ignore[misc]
        yield


def _wait(handle: int, patience: float, what: Callable[[], str], say: Callable[[str], None]) -> None:
    end = time.monotonic() + patience
    told = False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= end:
                raise LockedError(
                    f"another dualano-doctor is working on {what()}; nothing was changed. Wait for it, or end it."
                ) from None
        if not told:
            say(f"waiting for another dualano-doctor on {what()}")
            told = True
        time.sleep(0.1)


def _sign(handle: int) -> None:
    """Writes who holds the lock, for the one who waits."""
    row = {"pid": os.getpid(), "since": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())}
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(row).encode(), 0)


def _holder(file: Path) -> str:
    try:
        row = json.loads(file.read_text(encoding="utf-8"))
        return f"process {int(row['pid'])}, since {row['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it has not said its process number yet"
