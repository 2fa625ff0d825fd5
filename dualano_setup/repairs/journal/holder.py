"""A lock where the file system has none: a file that only one process can make, which says who that is.

Nobody removes it for a process that is killed. So it is taken over where its holder is gone for certain: the same start
of the same machine, the same PID namespace, and no such process any more. Anywhere else nobody can know, and a person
is asked; a holder that is only stopped is alive.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ...system.files import read_whole
from ...system.processes import boot_id, identify, pid_namespace

_MAX_BYTES = 1 << 12
_PAUSE = 0.1  # seconds between two tries


class HeldError(Exception):
    """Another process has the file. `holder` is None where the file does not say which."""

    def __init__(self, holder: Holder | None) -> None:
        super().__init__(holder)
        self.holder = holder


@dataclass(frozen=True, slots=True)
class Holder:
    """One process for certain: its machine (the name is for people), that machine's start, and its number there."""

    host: str
    boot: str  # another after every start of the machine
    namespace: str  # where the number means something; another in every container
    pid: int
    started: str  # by which a number that is used again is told
    since: str  # for people


def this_process() -> Holder:
    """The process that runs this."""
    own = identify(os.getpid())
    since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    return Holder(socket.gethostname(), boot_id(), pid_namespace(), os.getpid(), own.started if own else "", since)


@contextlib.contextmanager
def held(file: Path, patience: float) -> Iterator[None]:
    """Holds the file inside the block. Raises HeldError after `patience` seconds, OSError when it cannot be written."""
    own, end = this_process(), time.monotonic() + patience
    while not _taken(file, own):
        if time.monotonic() >= end:
            raise HeldError(read(file))
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        if read(file) == own:
            file.unlink(missing_ok=True)


def read(file: Path) -> Holder | None:
    """Who holds it; None where the file does not say, or is not there."""
    try:
        row = Holder(**json.loads(read_whole(file, _MAX_BYTES)))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return (
        row if type(row.pid) is int and all(isinstance(v, str) for k, v in asdict(row).items() if k != "pid") else None
    )


def is_gone(holder: Holder) -> bool:
    """Whether it has ended for certain, as far as can be known here."""
    if (holder.boot, holder.namespace) != (boot_id(), pid_namespace()):
        return False
    living = identify(holder.pid)
    return living is None or living.started != holder.started


def _taken(file: Path, own: Holder) -> bool:
    """Whether this process has it now. One that is gone has one successor, who holds a file of its own meanwhile."""
    if _made(file, own):
        return True
    holder = read(file)
    if holder is None or not is_gone(holder):
        return False
    succession = file.with_name(f"{file.name}.after-{holder.pid}-{holder.started}")
    if not _taken(succession, own):
        return False
    try:
        if read(file) != holder:  # somebody was faster, and is done with it
            return False
        _draft(file, own).replace(file)
        return True
    finally:
        succession.unlink(missing_ok=True)


def _made(file: Path, own: Holder) -> bool:
    """Whether this process has made the file. It appears whole where there are links, so that nobody reads half."""
    draft = _draft(file, own)
    try:
        os.link(draft, file)
    except FileExistsError:
        return False
    except OSError:  # no links here
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            return False
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(own)))
    finally:
        draft.unlink(missing_ok=True)
    return True


def _draft(file: Path, own: Holder) -> Path:
    draft = file.with_name(f"{file.name}.{own.pid}-{own.started}")
    draft.write_text(json.dumps(asdict(own)), encoding="utf-8")
    return draft
