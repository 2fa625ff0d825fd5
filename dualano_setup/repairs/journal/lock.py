"""One doctor at a time: a lock per project and one per changed tree, held by the kernel and so never stale.

flock is dropped by the kernel when its holder dies, whatever killed it; what the lock file says is only for people.
Trees (a checkout, an environment) are locked on their folder itself, so nothing is written into them. A folder that is
replaced while another doctor waits for it is noticed and the new one locked; for one that is not there yet, its
nearest parent stands in, which doctors that work on something else below it share.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import RepairError
from ...language import _
from ...system.files import read_whole

_MAX_HOLDER = 1 << 12  # bytes
_NOTE = b'{"pid": '
PATIENCE = 10.0  # seconds to wait for another doctor

Place = tuple[int, int]  # device and inode of a folder

# NFS locks no folder that is open only for reading; some mounts lock nothing; some folders may not be read.
_NO_LOCKS = (errno.EBADF, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EACCES, errno.EPERM)


class LockedError(RepairError):
    """Another doctor works here."""


@dataclass(slots=True)
class Locks:
    """What this process holds, until `stack` is closed."""

    stack: ExitStack
    patience: float
    say: Callable[[str], None]
    held: dict[Place, tuple[int, int]] = field(default_factory=dict)  # folder -> handle and kind of its lock

    def trees(self, trees: Iterable[Path]) -> None:
        """Locks these too. Raises LockedError. Always in the same order, so that no two wait for each other."""
        for folder, how in sorted(_wanted(trees).items()):
            try:
                self._folder(folder, how)
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
                self.say(
                    _(
                        "{folder} cannot be locked ({reason}): see that nobody else repairs it just now",
                        folder=folder,
                        reason=error.strerror,
                    )
                )

    def _folder(self, folder: Path, how: int) -> None:
        while True:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            place = _place(os.fstat(handle))
            if place in self.held:
                os.close(handle)
                handle, already = self.held[place]
                if already in (how, fcntl.LOCK_EX):
                    return
            else:
                self.stack.callback(os.close, handle)
            _wait(handle, how, self.patience, lambda: _("{folder} (from another project)", folder=folder), self.say)
            if _is_still(folder, place):
                self.held[place] = (handle, how)
                return


@contextmanager
def locked(
    project: Path,
    trees: Sequence[Path] = (),
    patience: float = PATIENCE,
    say: Callable[[str], None] = lambda _line: None,
) -> Iterator[Locks]:
    """Holds the locks. Raises LockedError, naming the holder, when they are not free within `patience` seconds."""
    file = project / ".dualano" / "lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        stack.callback(os.close, handle)
        _wait(handle, fcntl.LOCK_EX, patience, lambda: _("this project ({holder})", holder=_holder(file)), say)
        _sign(handle)
        locks = Locks(stack, patience, say)
        locks.trees(trees)
        yield locks


def _wait(handle: int, how: int, patience: float, what: Callable[[], str], say: Callable[[str], None]) -> None:
    end = time.monotonic() + patience
    told = False
    while True:
        try:
            fcntl.flock(handle, how | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= end:
                raise LockedError(
                    _(
                        "another dualano-doctor is working on {what}; nothing was changed. Wait for it, or end it.",
                        what=what(),
                    )
                ) from None
        if not told:
            say(_("waiting for another dualano-doctor on {what}", what=what()))
            told = True
        time.sleep(0.1)


def _wanted(trees: Iterable[Path]) -> dict[Path, int]:
    """Which folders to lock, and how: the strongest wish for each."""
    wanted: dict[Path, int] = {}
    for tree in {tree.resolve() for tree in trees}:
        if tree.is_dir():
            wanted.setdefault(_nearest_folder(tree.parent), fcntl.LOCK_SH)
        wanted[_nearest_folder(tree)] = fcntl.LOCK_EX
    return wanted


def _nearest_folder(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _place(status: os.stat_result) -> Place:
    return status.st_dev, status.st_ino


def _is_still(folder: Path, place: Place) -> bool:
    try:
        return _place(folder.stat()) == place
    except FileNotFoundError:
        return False


def _sign(handle: int) -> None:
    """Writes who holds the lock, for the one who waits. What was no such note before is somebody's file, and stays."""
    if os.fstat(handle).st_size and not os.pread(handle, len(_NOTE), 0).startswith(_NOTE):
        return
    row = {"pid": os.getpid(), "since": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())}
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(row).encode(), 0)


def _holder(file: Path) -> str:
    try:
        row = json.loads(read_whole(file, _MAX_HOLDER))
        return _("process {pid}, since {since}", pid=int(row["pid"]), since=row["since"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return _("it has not said its process number yet")
