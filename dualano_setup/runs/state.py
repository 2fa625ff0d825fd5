"""What became of a run, told from what is recorded and what still lives. Pure: no clock, no files, no processes."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal

from ..language import N_, _
from .records import ExitRecord, ProcessRecord, RunRecord, StopRequest

State = Literal["starting", "running", "finished", "failed", "stopped", "interrupted", "lost", "elsewhere"]
STARTING_SECONDS = 30.0
STALLED_SECONDS = 300.0
"""Silence after which a running run is said to be silent. A first step may take minutes, so it is only a hint."""
GONE_SECONDS = 600.0
"""Without a sign of life, after which a run that cannot be seen from here is taken for ended."""
RESTARTED_SECONDS = 120.0
"""The same where the machine bears this one's name: most likely it is this one, and was restarted."""

_ASKED = {"stop": N_("stopped by `dualano-doctor stop`"), "ctrl-c": N_("stopped with Ctrl-C")}
_HAPPENED = {
    "terminal": N_("its terminal was closed, or the program that watched it there was ended"),
    "system": N_("its supervisor was told to end (a shutdown?)"),
}
_WARNED = (128 + signal.SIGUSR1, 128 + signal.SIGUSR2)
"""Exit statuses of the bundled trainer that a batch system warned before the time limit: it wrote a checkpoint."""
_ENDED_BY_SIGNAL = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look at a run saw.

    `silence`: seconds since its log or metrics last grew, None when neither exists; `unheard`: since these or its
    supervisor last gave a sign of life.
    """

    record: RunRecord
    processes: ProcessRecord | None
    stop: StopRequest | None
    exit: ExitRecord | None
    supervisor_alive: bool
    others_alive: int  # processes of the run beside the supervisor
    boot: str
    host: str
    now: float
    silence: float | None = None
    unheard: float = 0.0
    namespace: str = ""
    done: bool = False  # all its steps are taken, and the final weights are there


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state, and one sentence that says why."""

    state: State
    detail: str

    @property
    def alive(self) -> bool:
        """Whether something of it runs here now."""
        return self.state in ("starting", "running")


def judge_run(sight: Sight) -> Verdict:
    """The truth about a run, as far as it can be known here."""
    if sight.exit:
        return _ended(sight.exit, sight.stop)
    if not _is_here(sight):
        return _out_of_sight(sight)
    if sight.processes is None and sight.now - sight.record.created < STARTING_SECONDS:
        return Verdict("starting", _("its supervisor is not up yet"))
    if sight.processes is None and not sight.others_alive:
        return Verdict("lost", _("its supervisor never came up"))
    if sight.supervisor_alive:
        return _running(sight)
    if sight.others_alive:
        return Verdict("running", _("its supervisor was killed, so how it ends will not be recorded"))
    return _ended_unseen(sight, _("it and its supervisor were killed, so how it ended is not recorded"))


def _is_here(sight: Sight) -> bool:
    """Whether its processes could be seen from here: the same start of the same machine, the same PID namespace.

    Names of machines change and are shared; they count only for records that say nothing better.
    """
    boot = sight.record.boot or (sight.processes.supervisor.boot if sight.processes else "")
    if not boot:
        return sight.record.host == sight.host
    spaces = (sight.record.namespace, sight.namespace)
    return boot == sight.boot and (not all(spaces) or spaces[0] == spaces[1])


def _out_of_sight(sight: Sight) -> Verdict:
    """Nobody can look at its processes from here; what it writes tells whether it lives."""
    quiet = sight.unheard
    same_host = sight.record.host == sight.host
    same_boot = sight.record.boot == sight.boot
    if quiet < (RESTARTED_SECONDS if same_host and not same_boot else GONE_SECONDS):
        where = _("in another container of this machine") if same_boot else _("on {host}", host=sight.record.host)
        if same_host and not same_boot:
            where = _("on another machine called {host}, or before a restart of this one", host=sight.record.host)
        words = _(
            "started {where}, last heard of {quiet:.0f} s ago; only there can its processes be seen and ended",
            where=where,
            quiet=quiet,
        )
        return Verdict("elsewhere", words)
    if same_host and not same_boot:
        return _ended_unseen(sight, _("the machine was restarted while it ran"))
    return _ended_unseen(
        sight,
        _(
            "started on {host}, silent for {quiet:.0f} minutes: taken for ended",
            host=sight.record.host,
            quiet=quiet / 60,
        ),
    )


def _ended_unseen(sight: Sight, otherwise: str) -> Verdict:
    """A run that is over and whose supervisor did not live to write that down: what it left tells how it ended."""
    if sight.done:
        return Verdict("finished", "")
    if sight.stop and sight.processes:
        return _as_asked(sight.stop)
    return Verdict("lost", otherwise)


def _running(sight: Sight) -> Verdict:
    if sight.stop:
        return Verdict("running", _("asked to end"))
    if sight.silence is not None and sight.silence > STALLED_SECONDS:
        return Verdict(
            "running", _("silent for {silence:.0f} minutes; it may have stalled", silence=sight.silence / 60)
        )
    return Verdict("running", "")


def _ended(end: ExitRecord, stop: StopRequest | None) -> Verdict:
    if end.status == 0 and not end.problem:
        return Verdict("finished", "")
    if stop and _by_the_request(end):
        return _as_asked(stop)
    if (end.status if end.trainer is None else end.trainer) in _WARNED and not end.problem:
        return Verdict("interrupted", _("its batch system warned it of the time limit; it wrote a checkpoint"))
    return Verdict("failed", end.problem or in_words(end.status if end.trainer is None else end.trainer))


def _as_asked(stop: StopRequest) -> Verdict:
    words = _((_ASKED | _HAPPENED).get(stop.by, stop.by))
    return Verdict("stopped" if stop.by in _ASKED else "interrupted", words)


def _by_the_request(end: ExitRecord) -> bool:
    """Whether the end looks like one from the outside; a crash on the way is a failure all the same."""
    code = end.status if end.trainer is None else end.trainer
    return -code in _ENDED_BY_SIGNAL or code - 128 in _ENDED_BY_SIGNAL


def in_words(status: int) -> str:
    """An exit status for people: 1 -> "exit status 1", -9 -> "killed by SIGKILL (...)"."""
    number = -status if status < 0 else status - 128 if status > 128 else 0
    try:
        name = signal.Signals(number).name
    except ValueError:
        return _("exit status {status}", status=status)
    hint = {
        "SIGKILL": N_("killed by {name} (out of memory, when nobody did it by hand)"),
        "SIGSEGV": N_("killed by {name} (a crash in compiled code)"),
    }
    return _(hint.get(name, N_("killed by {name}")), name=name)
