"""One claim's work on a job: each step's command in a process group of its own, and what it left committed."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..language import _
from ..system.processes import JOB_VARIABLE, any_lives, end_marked, marked
from . import retries
from .carry import TRAINING_LIST, carry_on, clear_tries, keep_training_list
from .claims import Held, LostError, committed, reopen
from .commands import Folders, argv, is_there, training_list, variables
from .plan import OF_ANOMALY, Job, Plan
from .retries import BUSY, DONE, LIMIT, STALLED, STOPPED, End
from .store import STOP_FILE, ends_of, progress_in, run_log_of

_INPUT = {"generate": "train", "masks": "generate"}
_LOOK, _GRACE, _LAST_WORDS = 0.25, 120.0, 10.0
AT_ONCE = 5.0


class EndingError(Exception):
    """The job's work ends here, and how."""

    def __init__(self, end: End) -> None:
        super().__init__(end.kind)
        self.end = end


class Work:
    """One claim's work on a job."""

    def __init__(
        self, root: Path, plan: Plan, job: Job, held: Held, wishes: list[int], place: str, gpu: str, threads: int
    ) -> None:
        self.root, self.plan, self.job, self.held, self.wishes, self.place = root, plan, job, held, wishes, place
        self.gpu, self.threads = gpu, threads
        self.folder = held.job
        self.lock: int | None = None
        self.folders = Folders(root)

    def all_steps(self) -> End:
        """Every step that is not committed yet. Raises EndingError, LostError, OSError."""
        again = True
        while again:  # a result that is gone makes an earlier step due again
            again = False
            for step in self.job.steps:
                if step in committed(self.folder):
                    continue
                inputs = self._inputs(step)
                if inputs is None:
                    again = True
                    break
                self._step(step, inputs)
        return End(DONE)

    def _inputs(self, step: str) -> dict[str, Path] | None:
        """What a step works on; None when an earlier step of this job has to be done again first."""
        if step not in OF_ANOMALY:
            parts = {need: self._part(need) for need in self.job.needs if not self._left_out(need)}
            return parts | self._training_lists(parts)
        name = _INPUT.get(step)
        if name is None or name not in self.plan.wanted["steps"]:
            return {name: self._newest(name)} if name else {}
        result = self.folders.result(self.job.id, committed(self.folder)[name])
        if is_there(name, result):
            return {name: result}
        print(_("{result} is gone: {step} is done again", result=result, step=name), flush=True)
        reopen(self.folder, name)
        return None

    def _newest(self, name: str) -> Path:
        why = _("`steps` leaves out {step}, on whose result a later one works", step=name)
        raise EndingError(End("settings", words=why, name="steps"))

    def _left_out(self, need: str) -> bool:
        return bool(self.plan.how.get("partial")) and "generate" not in committed(self.folders.job(need))

    def _part(self, need: str) -> Path:
        commit = committed(self.folders.job(need)).get("generate")
        if commit is not None:
            result = self.folders.result(need, commit)
            if is_there("generate", result):
                return result
            reopen(self.folders.job(need), "generate")
        raise EndingError(End(BUSY, words=_("waits for the pairs of {job}", job=need)))

    def _training_lists(self, parts: Iterable[str]) -> dict[str, Path]:
        found = {}
        for need in parts:
            commit = committed(self.folders.job(need)).get("train")
            file = self.folders.result(need, commit) / TRAINING_LIST if commit else None
            if file is not None and file.is_file():
                found[training_list(need)] = file
        return found

    def _step(self, step: str, inputs: dict[str, Path]) -> None:
        began = time.time()
        output = carry_on(self.folder, step, self.held.claim.number)
        again = retries.memory_ends(ends_of(self.folder), step)
        command = argv(self.plan, self.job, step, output, inputs, again)
        status = self._run(step, command, variables(self.plan, self.job, step, again), output)
        if status != 0:
            raise EndingError(self._failed(step, status, output, began))
        if not is_there(step, output):
            why = _("{step} ended well, and left nothing in {output}", step=step, output=output)
            raise EndingError(End("unknown", step, why))
        self._clear_leftovers()
        if step == "train":
            keep_training_list(output)
        values = {"folder": output.name, "seconds": time.time() - began, "ended": time.time(), "place": self.place}
        self.held.commit(step, values | _numbers(step, output))
        clear_tries(self.folder, step, output.name, checkpoints=step == "train" and not self.plan.how["keep"])

    def _run(self, step: str, command: list[str], delta: dict[str, str], output: Path) -> int:
        """Runs a step's command to its end. Returns its exit status, negative for a signal."""
        child = _start(command, self._environment(delta), self.plan.how["project"], self.held.claim.log, self.lock)
        stopped_since: float | None = None
        looked = time.monotonic()
        try:
            while True:
                try:
                    return child.wait(_LOOK)
                except subprocess.TimeoutExpired:
                    pass
                self.held.beat()
                if wish := self._wish():
                    self._end(child, _GRACE)
                    raise EndingError(End(wish, step, _("asked to end"), progress=_reached(step, output)))
                if time.monotonic() - looked > 1.0:
                    looked = time.monotonic()
                    halted = self._is_halted()
                    stopped_since = (stopped_since or looked) if halted else None
                    if stopped_since and looked - stopped_since > self.plan.how["lease"]:
                        self._end(child, AT_ONCE)
                        why = _("stopped (SIGSTOP) for longer than its lease")
                        raise EndingError(End(STALLED, step, why, progress=_reached(step, output)))
        finally:
            if child.poll() is None:
                self._end(child, AT_ONCE)

    def _wish(self) -> str:
        if (self.root / STOP_FILE).exists():
            return STOPPED
        return LIMIT if self.wishes else ""

    def _end(self, child: subprocess.Popen[bytes], grace: float) -> None:
        """SIGTERM, `grace` seconds, SIGKILL: for the whole group and for whatever left it."""
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        end = time.monotonic() + grace
        key = str(self.folder)
        while time.monotonic() < end:
            child.poll()
            if child.returncode is not None and not any_lives(key, JOB_VARIABLE):
                return
            with contextlib.suppress(LostError):
                self.held.beat()
            time.sleep(0.1)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        end_marked(key, 0.0, JOB_VARIABLE)
        child.wait()

    def _clear_leftovers(self) -> None:
        key, end = str(self.folder), time.monotonic() + _LAST_WORDS
        while any(value == key for __, value in marked(JOB_VARIABLE)):
            if time.monotonic() > end:
                end_marked(key, AT_ONCE, JOB_VARIABLE)
                return
            time.sleep(0.05)

    def _is_halted(self) -> bool:
        """Whether a process of the step is stopped by a signal."""
        pids = [pid for pid, value in marked(JOB_VARIABLE) if value == str(self.folder)]
        return any(_state(pid) == "T" for pid in pids)

    def _environment(self, delta: dict[str, str]) -> dict[str, str]:
        found = os.environ | delta | {JOB_VARIABLE: str(self.folder), "PYTHONUNBUFFERED": "1"}
        if self.gpu:
            found["CUDA_VISIBLE_DEVICES"] = self.gpu
        if self.threads and "OMP_NUM_THREADS" not in found:
            found["OMP_NUM_THREADS"] = str(self.threads)
        here = str(Path(__file__).resolve().parents[2])
        found["PYTHONPATH"] = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH", ""))))
        return found

    def _failed(self, step: str, status: int, output: Path, began: float) -> End:
        from ..explain.last_error import read_end_bytes
        from ..explain.read import explain_bytes
        from .verdict import judge_failure

        own = run_log_of(Path(self.plan.how["project"]), output, began) if step == "train" else None
        log = read_end_bytes(self.held.claim.log, 1 << 20)
        text = read_end_bytes(own, 1 << 22) if own else log
        failure = judge_failure(status, explain_bytes(text), (text if own else log).decode("utf-8", "replace"))
        if failure.kind == "unknown" and own:
            failure = judge_failure(status, None, log.decode("utf-8", "replace"))
        return End(failure.kind, step, failure.words, failure.name, progress=_reached(step, output))


def _start(
    command: list[str], environment: dict[str, str], project: str, log: Path, lock: int | None
) -> subprocess.Popen[bytes]:
    """The command, in a process group of its own, told to end when this process does."""
    libc, parent = ctypes.CDLL(None), os.getpid()

    def end_with_parent() -> None:
        libc.prctl(1, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    with log.open("ab") as output:
        output.write(f"$ {shlex.join(command)}\n".encode())
        output.flush()
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=project, env=environment,
            start_new_session=True, pass_fds=() if lock is None else (lock,),
            preexec_fn=end_with_parent if sys.platform == "linux" else None,
        )  # fmt: skip


def _reached(step: str, output: Path) -> int:
    """Training steps or accepted pairs so far."""
    progress = progress_in(step, output)
    return progress.done if progress else 0


def _numbers(step: str, output: Path) -> dict[str, Any]:
    """What a commit tells of the work."""
    progress = progress_in(step, output) if step in OF_ANOMALY[:2] else None
    return {key: value for key, value in asdict(progress).items() if value is not None} if progress else {}


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""
