"""Stays with a run until it ends and writes down how: `python -m dualano_setup.runs.launch.supervisor RUN LIFELINE`.

It lives in a session of its own, so neither a closed terminal nor a Ctrl-C reaches it or the training. LIFELINE is the
read end of a pipe that `train` holds open. A run ends when that process does: its terminal is gone, so the training is
asked for a checkpoint. A detached run is let go with one byte once it is up, and not before: whatever ends a `train`
that has not said yet that the run goes on, no run is left behind.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from ...explain import last_error as cause
from ...language import DEFAULT, _, speak
from ...system.batch_warnings import ignore_warnings, warnings_heeded
from ...system.processes import RUN_VARIABLE, identify, wait_until_gone
from ..ending import CHECKPOINT_SECONDS, REPEAT_SECONDS, ask_to_end, end_run, pass_warning
from ..folder import RunFolder
from ..records import ExitRecord, ProcessRecord, RunRecord, StopRequest, write

READY = b"ready\n"
LET_GO = b"."
POLL_SECONDS = 0.05
BEAT_SECONDS = 15.0
"""Between two signs of life (the time of process.json), for those who share the folder and not the machine."""
LAST_WORDS_SECONDS = 10.0


@dataclass(slots=True)
class Lifeline:
    """Tells when the process at the other end of a pipe has gone without letting go."""

    handle: int | None

    def __post_init__(self) -> None:
        if self.handle is not None:
            os.set_blocking(self.handle, False)

    def broken(self) -> bool:
        """Whether the other end is closed; True once, never after the run was let go."""
        if self.handle is None:
            return False
        try:
            said = os.read(self.handle, len(LET_GO))
        except BlockingIOError:
            return False
        os.close(self.handle)
        self.handle = None
        return said != LET_GO


@dataclass(slots=True)
class Wishes:
    """What the system asked of this process by a signal."""

    received: list[int] = field(default_factory=list)
    warned: list[int] = field(default_factory=list)

    def listen(self) -> None:
        """From now on remembers SIGTERM, and passes over what terminals send.

        By handlers, never by SIG_IGN: `exec` hands that down (and undoes these), and a launcher and a trainer that
        ignore SIGINT cannot be asked to end while they load.
        """
        signal.signal(signal.SIGTERM, lambda number, _frame: self.received.append(number))
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda _number, _frame: None)


def main(arguments: list[str]) -> int:
    """Starts the run, waits for its end, records it. Returns 0 once the end is on record."""
    speak(os.environ.get("DUALANO_LANG", DEFAULT))
    run = RunFolder(Path(arguments[0]))
    lifeline = Lifeline(int(arguments[1]))
    wishes = Wishes()
    wishes.listen()
    with warnings_heeded(wishes.warned.append):
        return supervise(run, lifeline, wishes)


def supervise(run: RunFolder, lifeline: Lifeline, wishes: Wishes) -> int:
    """The same, once its signals are listened to."""
    record = run.record()
    if record is None:
        print(_("{run_file} cannot be read", run_file=run.run_file), file=sys.stderr)
        return 2
    every = run.together()
    if lifeline.broken():
        for one in every:
            write(StopRequest("terminal", time.time()), one.stop_file)
            write(ExitRecord(128 + signal.SIGINT, time.time()), one.exit_file)
        return 0
    try:
        launcher = start(run, record)
    except OSError as error:
        problem = _(
            "{filename} cannot be started: {strerror}",
            filename=error.filename or record.argv[0],
            strerror=error.strerror or error,
        )
        for one in every:
            write(ExitRecord(127, time.time(), problem=problem), one.exit_file)
        return 0
    own = identify(os.getpid())
    assert own is not None
    for one in every:
        write(ProcessRecord(own, identify(launcher.pid), time.time()), one.process_file)
    with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more: the lifeline tells that too
        sys.stdout.buffer.write(READY)
        sys.stdout.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    watch(run, record, launcher, lifeline, wishes)
    return 0


def start(run: RunFolder, record: RunRecord) -> subprocess.Popen[bytes]:
    """Starts the launcher, its output going straight to the log: what it prints outlives this process.

    Raises OSError when it cannot be started.
    """
    variables = dict(os.environ)
    for name, value in record.environment.items():
        if value is None:
            variables.pop(name, None)
        else:
            variables[name] = value
    variables[RUN_VARIABLE] = record.key
    with run.log.open("ab") as log:
        command = record.launched or record.argv
        log.write(f"$ {shlex.join(command)}\n  in {record.folder}\n".encode())
        log.flush()
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=record.folder,
            env=variables,
            start_new_session=True,
            close_fds=True,
            preexec_fn=ignore_warnings,
        )


def watch(
    run: RunFolder, record: RunRecord, launcher: subprocess.Popen[bytes], lifeline: Lifeline, wishes: Wishes
) -> None:
    """Waits for the end, asking for it when the terminal or the system goes away, and writes the exit record."""
    asked, beat, heard, passed = False, 0.0, False, 0.0
    logged = run.log.stat().st_size
    while launcher.poll() is None:
        if wishes.warned and not heard and time.monotonic() - passed > REPEAT_SECONDS:
            passed, heard = time.monotonic(), pass_warning(run, record, wishes.warned[0], logged)
        if time.monotonic() - beat > BEAT_SECONDS:
            beat = time.monotonic()
            for one in run.together():
                with contextlib.suppress(OSError):
                    os.utime(one.process_file)
        by = "terminal" if lifeline.broken() else "system" if wishes.received else ""
        if by and not asked:
            asked = True
            if run.stop_request() is None:
                ask_to_end(run, by)
            end_run(run, record, patience=CHECKPOINT_SECONDS)
        time.sleep(POLL_SECONDS)
    _wait_for_the_rest(run, record)
    text = cause.read_end(run.log)
    status = launcher.returncode
    own = cause.trainer_status(text) if status else 0
    whole = ExitRecord(status, time.time(), own, _last_words(text, status if own is None else own))
    for one in run.together():
        write(_end_of(one, whole, text), one.exit_file)


def _end_of(run: RunFolder, whole: ExitRecord, text: str) -> ExitRecord:
    """How one run ended: as its process did, or, of several in one, as its own steps and its own error tell."""
    record = run.record()
    if record is None or not record.together or whole.status == 0:
        return whole
    from ..look import is_done

    if is_done(run, record):
        return ExitRecord(0, whole.ended)
    own = [line.strip() for line in re.split(r"[\r\n]", text) if f"error: {record.output}: " in line]
    return ExitRecord(1, whole.ended, 1, (own[-1],)) if own else whole


def _last_words(text: str, status: int) -> tuple[str, ...]:
    """The lines that say why it failed. A signal asks no program: what stands last then is only what came before."""
    if status == 0:
        return ()
    return cause.seen_error(text) if status < 0 or status > 128 else cause.last_error(text)


def _wait_for_the_rest(run: RunFolder, record: RunRecord) -> None:
    """The launcher can die before its trainers do. They may finish a checkpoint; then nothing may be left behind."""
    patience = CHECKPOINT_SECONDS if run.stop_request() else LAST_WORDS_SECONDS
    if not wait_until_gone(record.key, patience):
        end_run(run, record, patience=LAST_WORDS_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
