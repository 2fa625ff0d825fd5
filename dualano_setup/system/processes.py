"""Which process is which, for certain, and which processes belong to a run."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

RUN_VARIABLE = "DUALANO_RUN_KEY"
"""In the environment of every process of a run: found by it whoever its parent is by now."""
JOB_VARIABLE = "DUALANO_CAMPAIGN_JOB"
"""The same for everything that a campaign's job started, its runs included: the job's folder."""
_EXEC_SECONDS = 0.01
_PAUSE = 0.05  # seconds between two looks whether they have ended


def boot_id() -> str:
    """Changes with every start of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:  # no Linux
        import psutil

        return f"{psutil.boot_time():.0f}"


def pid_namespace() -> str:
    """Which numbers processes have here: another in every container. Empty where there are none."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def identify(pid: int) -> Identity | None:
    """The identity of a living process; None when there is none of that pid, or only its remains (a zombie)."""
    if Path("/proc/self/stat").exists():
        try:
            # The name, in brackets, may hold anything; what follows the last bracket is well behaved.
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if stat[0] in "ZX" else Identity(pid, stat[19], boot_id())
    import psutil

    try:
        process = psutil.Process(pid)
        return (
            None
            if process.status() == psutil.STATUS_ZOMBIE
            else Identity(pid, f"{process.create_time():.2f}", boot_id())
        )
    except psutil.Error:
        return None


def is_alive(identity: Identity | None) -> bool:
    """Whether that very process lives: same pid, same start, same boot."""
    return identity is not None and identify(identity.pid) == identity


def members(key: str, variable: str = RUN_VARIABLE) -> list[Identity]:
    """Every living process of the run with that key, whichever parent or session it has now.

    A process that the user may not look into is not one of the run's.
    """
    found = [identify(pid) for pid, other in marked(variable) if other == key]
    return [identity for identity in found if identity]


def trainers(key: str, launcher: Identity | None) -> list[Identity]:
    """The processes to ask for a checkpoint: the launcher's children, or it alone while it has none.

    The launcher itself is not asked: it would die of the signal at once and leave its children behind.
    """
    if launcher is None or not is_alive(launcher):
        return members(key)
    import psutil

    try:
        pids = [child.pid for child in psutil.Process(launcher.pid).children()]
    except psutil.Error:
        pids = []
    own = {identity.pid: identity for identity in members(key)}
    return [own[pid] for pid in pids if pid in own] or [launcher]


def send(targets: Iterable[Identity], number: signal.Signals) -> None:
    """Sends a signal to those of the processes that still live."""
    for identity in targets:
        if is_alive(identity):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(identity.pid, number)


def wait_until_gone(key: str, seconds: float) -> bool:
    """Waits until no process of the run lives; False when some still do after `seconds`."""
    return gone_within(seconds, lambda: any_lives(key))


def any_lives(key: str, variable: str = RUN_VARIABLE) -> bool:
    """Whether the run has members. Looks again where none is seen: one that `exec` is just replacing shows no key."""
    if members(key, variable):
        return True
    time.sleep(_EXEC_SECONDS)
    return bool(members(key, variable))


def end_marked(key: str, grace: float, variable: str = RUN_VARIABLE) -> bool:
    """Ends every process with that key as `end_for_certain` does. False: some still live."""
    return end_for_certain(lambda how: send(members(key, variable), how), lambda: any_lives(key, variable), grace)


def end_for_certain(send_to_all: Callable[[signal.Signals], None], any_left: Callable[[], bool], grace: float) -> bool:
    """Asks processes to end, and kills what is left after `grace` seconds. False: some still live as long again later.

    Whoever insists meanwhile (a second Ctrl-C) has them killed at once.
    """
    try:
        return end_in_turn(((signal.SIGTERM, grace), (signal.SIGKILL, grace)), send_to_all, any_left) is not None
    except BaseException:
        send_to_all(signal.SIGKILL)
        raise


def end_in_turn(
    steps: Iterable[tuple[signal.Signals, float]],
    send_to_all: Callable[[signal.Signals], None],
    any_left: Callable[[], bool],
) -> signal.Signals | None:
    """Sends one signal after the other, each with its seconds to work. Returns the one that did, None when none."""
    for how, seconds in steps:
        send_to_all(how)
        if gone_within(seconds, any_left):
            return how
    return None


def gone_within(seconds: float, any_left: Callable[[], bool]) -> bool:
    """Waits until none is left; False when some still are after `seconds`."""
    end = time.monotonic() + seconds
    while any_left():
        if time.monotonic() > end:
            return False
        time.sleep(_PAUSE)
    return True


def living_runs() -> Counter[str]:
    """How many processes each run has, by its key: one look at all processes, however many runs are asked about."""
    return Counter(key for __, key in marked(RUN_VARIABLE))


def marked(variable: str) -> Iterator[tuple[int, str]]:
    """The processes that have this variable in their environment, with its value."""
    if not Path("/proc/self/environ").exists():
        yield from _marked_by_psutil(variable)
        return
    marker = f"{variable}=".encode()
    for entry in os.listdir("/proc"):  # noqa: PTH208 - several hundred entries, four times a second
        if entry.isdigit():
            with contextlib.suppress(OSError):
                environment = Path(f"/proc/{entry}/environ").read_bytes()
                if marker in environment:
                    for row in environment.split(b"\0"):
                        if row.startswith(marker):
                            yield int(entry), row[len(marker) :].decode(errors="replace")


def _marked_by_psutil(variable: str) -> Iterator[tuple[int, str]]:
    import psutil

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if key := process.environ().get(variable):
                yield process.pid, key


@dataclass(frozen=True, slots=True)
class Identity:
    """One process for certain: a pid alone is used again, and a restart forgets all of them."""

    pid: int
    started: str  # ticks since boot from /proc, or a creation time; only compared for equality
    boot: str
