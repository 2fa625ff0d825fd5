"""One doctor at a time: a lock per project and one per changed tree, held by the kernel and so never stale.

flock is dropped by the kernel when its holder dies, whatever killed it; what the lock file says is only for people.
Where the file system has no flock, that is said, and a file that only one can make stands in (holder.py); for a tree it
lies beside it.
Trees (a checkout, an environment) are locked on their folder itself, so nothing is written into them. A folder that is
replaced while another doctor waits for it is noticed and the new one locked; for one that is not there yet, its
nearest parent stands in, which doctors that work on something else below it share.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import RepairError
from ...language import _
from ...system.files import read_whole
from . import holder as holders

_MAX_HOLDER = 1 << 12  # bytes
_NOTE = b'{"pid": '
PATIENCE = 10.0  # seconds to wait for another doctor

Place = tuple[int, int]  # device and inode of a folder

# NFS locks no folder that is open only for reading; some mounts lock nothing; some folders may not be read.
_NO_LOCKS = (errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EACCES, errno.EPERM)
HOLDER_NAME = "lock-holder"  # in .dualano


class LockedError(RepairError):
    """Another doctor works here."""


@dataclass(slots=True)
class Locks:
    """What this process holds, until `stack` is closed."""

    stack: ExitStack
    project: Path
    patience: float
    say: Callable[[str], None]
    held: dict[Place, tuple[int, int]] = field(default_factory=dict)  # folder -> handle and kind of its lock
    files: set[Path] = field(default_factory=set)  # in the place of locks

    def trees(self, trees: Iterable[Path]) -> None:
        """Locks these too. Raises LockedError. Always in the same order, so that no two wait for each other."""
        for folder, how in sorted(_wanted(trees).items()):
            try:
                self._folder(folder, how)
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
                if how == fcntl.LOCK_EX and not folder.is_relative_to(self.project.resolve()):
                    self._file_beside(folder, error)

    def _file_beside(self, folder: Path, error: OSError) -> None:
        """A file in the place of the folder's lock. What lies in the project needs none: the project's lock holds."""
        file = folder.parent / f".{folder.name}.dualano-lock"
        if file in self.files:
            return
        self.files.add(file)
        try:
            _hold(self.stack, file, self.patience, lambda: _("{folder} (from another project)", folder=folder))
            self.say(_without_locks(folder, error, file))
        except OSError:
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
        stand_in = file.with_name(HOLDER_NAME)
        try:
            _wait(handle, fcntl.LOCK_EX, patience, lambda: _("this project ({holder})", holder=_holder(file)), say)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            _hold(stack, stand_in, patience, lambda: _("this project"))
            say(_without_locks(project, error, stand_in))
        else:
            if stand_in.exists():  # of a machine that shares the folder and has no locks there
                _hold(stack, stand_in, patience, lambda: _("this project"))
            _sign(handle)
        locks = Locks(stack, project, patience, say)
        locks.trees(trees)
        yield locks


def _hold(stack: ExitStack, file: Path, patience: float, what: Callable[[], str]) -> None:
    """Raises LockedError when another process has the file, or may have it; OSError when it cannot be made."""
    try:
        stack.enter_context(holders.held(file, patience))
    except holders.HeldError as error:
        who = error.holder
        raise LockedError(
            _(
                "another dualano-doctor is working on {what}, by what {file} says: {holder}. Nothing was changed. Wait "
                "for it, or end it. There are no locks here that would tell for certain: if you are sure that it has "
                "ended (its machine was restarted, say), remove that file.",
                what=what(),
                file=file,
                holder=_("process {pid} on {host}, since {since}", pid=who.pid, host=who.host, since=who.since)
                if who
                else _("it has not said its process number yet"),
            )
        ) from None


def _without_locks(place: Path, error: OSError, file: Path) -> str:
    return _(
        "{place} cannot be locked ({reason}); {file} keeps others out instead. It is left behind where this is killed, "
        "and taken over where the one that made it is gone for certain",
        place=place,
        reason=error.strerror,
        file=file,
    )


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
    since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    row = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(row).encode(), 0)


def _holder(file: Path) -> str:
    try:
        row = json.loads(read_whole(file, _MAX_HOLDER))
        if "host" not in row:  # of an older version
            return _("process {pid}, since {since}", pid=int(row["pid"]), since=row["since"])
        return _("process {pid} on {host}, since {since}", pid=int(row["pid"]), host=row["host"], since=row["since"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return _("it has not said its process number yet")
