"""A lock where the file system has none: a file that only one can create, which says who holds it.

Nobody lets go of it for a process that is killed. So it is taken over where its holder is gone for certain: same start
of the same machine, same PID namespace, and no such process any more. Anywhere else nobody can know, and a person is
asked.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import TrainerError

HOLDER_NAME = ".training-holder"
_MOST_BYTES = 4096


@dataclass(frozen=True)
class Holder:
    """One process for certain.

    Attributes:
        host: name of its machine, for people.
        boot: of the kernel; another after every start of the machine.
        namespace: where its number means something; another in every container.
        pid: its number there.
        started: ticks from the start of the machine to its own.
    """

    host: str
    boot: str
    namespace: str
    pid: int
    started: str


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the folder's file inside the block.

    Raises:
        TrainerError: another process has it, or may have it.
        OSError: the file cannot be written.
    """
    file, own = folder / HOLDER_NAME, _this_process()
    if not _created(file, own):
        holder = _read(file)
        if holder is None or not _is_gone(holder) or not _succeeded(file, holder, own):
            raise TrainerError(_refusal(file, _read(file)))
    try:
        yield
    finally:
        if _read(file) == own:
            file.unlink(missing_ok=True)


def _created(file: Path, own: Holder) -> bool:
    """Whether this process has made the file; it appears whole, so that nobody reads half of it."""
    draft = _draft(file, own)
    try:
        os.link(draft, file)
    except FileExistsError:
        return False
    except OSError:  # no links here
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        except FileExistsError:
            return False
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(own)))
    finally:
        draft.unlink(missing_ok=True)
    return True


def _succeeded(file: Path, gone: Holder, own: Holder) -> bool:
    """Whether this process has taken the file over from one that is gone: each has one successor only."""
    succession = file.with_name(f"{file.name}.after-{gone.pid}-{gone.started}")
    if not _created(succession, own):
        return False
    try:
        if _read(file) != gone:  # somebody was faster, and is done with it
            return False
        _draft(file, own).replace(file)
        return True
    finally:
        succession.unlink(missing_ok=True)


def _draft(file: Path, own: Holder) -> Path:
    draft = file.with_name(f"{file.name}.{own.pid}-{own.started}")
    draft.write_text(json.dumps(asdict(own)), encoding="utf-8")
    return draft


def _refusal(file: Path, holder: Holder | None) -> str:
    who = f"process {holder.pid} on {holder.host}" if holder else "somebody"
    return (
        f"Another run ({who}) writes into {file.parent} now, by what {file.name} there says, and this file system has "
        "no locks that would tell for certain. End that run, or give another --output_dir; if you are sure that it has "
        f"ended (its machine was restarted, say), remove {file}*."
    )


def _read(file: Path) -> Holder | None:
    """Who holds it; None where the file does not say."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            values = json.loads(os.read(handle, _MOST_BYTES))
        finally:
            os.close(handle)
        return Holder(**values)
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def _is_gone(holder: Holder) -> bool:
    """Whether it has ended for certain."""
    here = _this_process()
    if not holder.boot or (holder.boot, holder.namespace) != (here.boot, here.namespace):
        return False
    return type(holder.pid) is int and _started(holder.pid) != holder.started


def _this_process() -> Holder:
    pid = os.getpid()
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        boot = namespace = ""
    return Holder(socket.gethostname(), boot, namespace, pid, _started(pid))


def _started(pid: int) -> str:
    """Ticks from the machine's start to the process's; empty where there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if stat[0] in "ZX" else stat[19]
