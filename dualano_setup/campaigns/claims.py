"""Who may work in a folder: a fence with a number, a holder and a lease; and results that are committed once.

    claims/7/holder.json    who took it: host, boot, PID namespace, process and its start, lease
    claims/7/open/          there while claim 7 holds; `beat` in it is touched as a sign of life
    claims/7/closed/        what `open` is called once 7 has ended, or somebody took over
    claims/7/end.json       how it ended, in its holder's words
    done/train/commit.json  what was committed

A result is made ready in `open` and committed by renaming it to `done/<step>`. Taking over renames `open` first: a
command that was stopped past its lease then finds nothing to rename, however late it wakes up. Both are renames of
folders that hold something, which every file system does once or not at all (links are not everywhere).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..system.atomic import sync_folder, write_synced
from ..system.clock import disk_clock
from ..system.processes import Identity, boot_id, identify, is_alive, pid_namespace

CLAIMS, DONE = "claims", "done"
_OPEN, _CLOSED, _BEAT, _HOLDER, _END, _COMMIT = "open", "closed", "beat", "holder.json", "end.json", "commit.json"
_MOST = 1 << 20
_ROOM = 4096
BEATS = 6  # signs of life within one lease


class TakenError(Exception):
    """Somebody else holds the claim."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(claim.number)
        self.claim = claim


class LostError(Exception):
    """The claim is not this process's any more: its lease ran out, or somebody took over."""


@dataclass(frozen=True, slots=True)
class Holder:
    """One process for certain, and what it promised. `place`: the GPU it uses there."""

    host: str
    boot: str
    namespace: str
    pid: int
    started: str
    lease: float
    place: str = ""
    ticket: str = ""  # by which the executor that sent it knows it

    @property
    def identity(self) -> Identity:
        """The process."""
        return Identity(self.pid, self.started, self.boot)

    @property
    def is_here(self) -> bool:
        """Whether its processes can be seen from here."""
        return (self.boot, self.namespace) == (boot_id(), pid_namespace())


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim on disk."""

    folder: Path
    number: int

    @property
    def open(self) -> Path:
        """There while the claim holds."""
        return self.folder / _OPEN

    @property
    def log(self) -> Path:
        """What its commands printed."""
        return self.folder / "log"

    def holder(self) -> Holder | None:
        """Who took it; None when that cannot be read."""
        values = read_json(self.folder / _HOLDER)
        try:
            return Holder(**values) if values else None
        except TypeError:
            return None

    def end(self) -> dict[str, Any] | None:
        """How it ended in its holder's words; None when it did not say."""
        return read_json(self.folder / _END)

    def silence(self) -> float | None:
        """Seconds since its last sign of life, by the disk's own clock; None when it does not hold any more."""
        try:
            return disk_clock(self.folder) - (self.open / _BEAT).stat().st_mtime
        except OSError:
            return None

    def state(self) -> str:
        """ "over", "live", "dead" (its process is gone for certain) or "expired" (silent longer than its lease)."""
        if not self.open.is_dir():
            return "over"
        holder = self.holder()
        if holder is None:
            return "dead"
        if holder.is_here and not is_alive(holder.identity):
            return "dead"
        silence = self.silence()
        if silence is None:
            return "over"
        return "expired" if silence > holder.lease else "live"


def newest(folder: Path) -> Claim | None:
    """The claim with the highest number, None before the first."""
    numbers = numbers_of(folder)
    return Claim(folder / CLAIMS / str(numbers[-1]), numbers[-1]) if numbers else None


def numbers_of(folder: Path) -> list[int]:
    """The numbers of the claims, in order."""
    try:
        return sorted(int(name) for name in os.listdir(f"{folder}/{CLAIMS}") if name.isdecimal())  # noqa: PTH208
    except FileNotFoundError:
        return []


class Held:
    """A claim of this process. Every method raises LostError once it does not hold any more."""

    def __init__(self, job: Path, claim: Claim, lease: float) -> None:
        self.job, self.claim, self._lease = job, claim, lease
        self._seen = _now()

    def beat(self) -> None:
        """Gives a sign of life where one is due."""
        now = _now()
        self._in_time(now)
        if now - self._seen < self._lease / BEATS:
            return
        self._touch(now)

    def renew(self) -> None:
        """A sign of life from one who commits nothing: late is no harm while nobody has taken over."""
        now = _now()
        if now - self._seen >= self._lease / BEATS:
            self._seen = now
            self._touch(now)

    def commit(self, step: str, values: dict[str, Any]) -> None:
        """Commits a step: now or never, and once whoever else tries."""
        self._touch(_now())
        draft = self.claim.open / step
        shutil.rmtree(draft, ignore_errors=True)
        try:
            draft.mkdir()
            document = {"schema": 1, "step": step, "claim": self.claim.number, **values}
            write_synced(draft / _COMMIT, json.dumps(document, indent=1).encode(), 0o644)
            sync_folder(draft)
            done = self.job / DONE
            done.mkdir(exist_ok=True)
            self._in_time(_now())
            draft.rename(done / step)
            sync_folder(done)
        except FileNotFoundError as error:
            raise LostError from error

    def end(self, values: dict[str, Any]) -> None:
        """Says how it ended, and lets go."""
        file = self.claim.folder / _END
        try:
            write_json(file, values)
        except OSError:  # a full disk: the file has been there since the claim was taken, and has room for this
            with contextlib.suppress(OSError), file.open("r+b") as there:
                there.write(json.dumps(values).encode()[:_ROOM].ljust(_ROOM))
        close(self.claim)

    def _touch(self, now: float) -> None:
        self._in_time(now)
        try:
            os.utime(self.claim.open / _BEAT)
        except FileNotFoundError as error:
            raise LostError from error
        except OSError:  # a full or stuck disk: the next beat may come through
            return
        self._seen = now

    def _in_time(self, now: float) -> None:
        if now - self._seen > self._lease:
            raise LostError


def take(job: Path, *, lease: float, place: str = "", ticket: str = "", wait: float = 0.0) -> Held:
    """Takes the next claim on a folder, from a holder that is gone where there was one.

    Waits up to `wait` seconds for one whose lease has yet to run out. Raises TakenError while somebody holds it, and
    OSError when nothing can be written.
    """
    end = time.monotonic() + wait
    while True:
        try:
            return _take(job, lease, place, ticket)
        except TakenError:
            if time.monotonic() >= end:
                raise
            time.sleep(min(1.0, lease / BEATS))


def _take(job: Path, lease: float, place: str, ticket: str) -> Held:
    (job / CLAIMS).mkdir(parents=True, exist_ok=True)
    last = newest(job)
    if last is not None and last.state() == "live":
        raise TakenError(last)
    if last is not None:
        close(last)
    number = last.number + 1 if last else 1
    draft = job / CLAIMS / f".{number}-{os.getpid()}-{time.monotonic_ns()}"
    try:
        (draft / _OPEN).mkdir(parents=True)
        (draft / _OPEN / _BEAT).touch()
        (draft / _END).write_bytes(b" " * _ROOM)
        write_json(draft / _HOLDER, asdict(_me(lease, place, ticket)))
        claim = Claim(job / CLAIMS / str(number), number)
        try:
            draft.rename(claim.folder)
        except OSError as error:
            if claim.folder.is_dir():
                raise TakenError(claim) from error
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Held(job, claim, lease)


def close(claim: Claim) -> None:
    """Ends a claim, whoever held it: from here on it commits nothing."""
    with contextlib.suppress(FileNotFoundError):
        claim.open.rename(claim.folder / _CLOSED)


def committed(job: Path) -> dict[str, dict[str, Any]]:
    """What was committed, by step. Paths are text here: `status` does this a thousand times."""
    try:
        names = os.listdir(f"{job}/{DONE}")  # noqa: PTH208
    except FileNotFoundError:
        return {}
    rows = ((name, read_json(f"{job}/{DONE}/{name}/{_COMMIT}")) for name in names if not name.startswith("."))
    return {name: row for name, row in rows if row is not None}


def reopen(job: Path, step: str) -> None:
    """Takes a commit back whose result is gone: the step is to be done again."""
    done = job / DONE
    with contextlib.suppress(FileNotFoundError):
        (done / step).rename(done / f".{step}-{time.time_ns()}")


def read_json(file: Path | str) -> dict[str, Any] | None:
    """A small JSON object, or None when there is none that can be read."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe gives nothing and waits for nobody
        try:
            values = json.loads(os.read(handle, _MOST))
        finally:
            os.close(handle)
    except (OSError, ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def write_json(file: Path, values: dict[str, Any]) -> None:
    """Writes a small JSON object atomically. Raises OSError."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.write_text(json.dumps(values, indent=1), encoding="utf-8")
    temporary.replace(file)


def _me(lease: float, place: str, ticket: str) -> Holder:
    import socket

    own = identify(os.getpid())
    assert own is not None
    return Holder(socket.gethostname(), own.boot, pid_namespace(), own.pid, own.started, lease, place, ticket)


def _now() -> float:
    """Seconds that also pass while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
