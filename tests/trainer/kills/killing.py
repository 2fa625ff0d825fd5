"""Trainings in processes that can be killed, forked from one that has imported everything: each starts at once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.places import PATIENCE, ROOT

#: What a process reports as it happens: it begins to take steps; it begins to write a checkpoint.
STEPS, WRITE = b"s", b"w"


def trainings() -> Any:
    """A multiprocessing context whose processes have the trainer imported and never ran a backward pass."""
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.trainer.kills.killing_imports"])
    return context


def started(command: Sequence[str], log: Path, **variables: str) -> Any:
    """`python -m trainer COMMAND` as a process of its own with those variables, its errors in `log`."""
    process = trainings().Process(target=_train, args=(command, str(log), variables))
    process.start()
    return process


def _train(command: Sequence[str], log: str, variables: dict[str, str]) -> None:
    import torch

    from trainer.__main__ import main

    os.environ |= variables
    torch.set_num_threads(1)
    os.dup2(os.open(log, os.O_WRONLY | os.O_APPEND), sys.stderr.fileno())
    sys.exit(main(list(command)))


def _work(command: Sequence[str], events: Connection, log: str) -> None:
    """Train; tell `events` what begins."""

    def tell(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.mkdir" and ".checkpoint-partial-" in str(arguments[0]):
            events.send_bytes(WRITE)
        elif event == "open" and str(arguments[0]).endswith("metrics.jsonl") and arguments[1] == "a":
            events.send_bytes(STEPS)

    sys.addaudithook(tell)
    _train(command, log, {})


def killed(context: Any, command: Sequence[str], event: bytes, number: int, delay: float, log: Path) -> int | None:
    """Train with `command`, and kill `delay` seconds after the event has happened `number` times.

    Returns:
        None when it was killed, else the exit status with which it was quicker.
    """
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(command, theirs, str(log)))
    process.start()
    theirs.close()
    try:
        seen = 0
        while seen < number:
            assert ours.poll(PATIENCE), log.read_text()
            seen += ours.recv_bytes() == event
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
    except (EOFError, ProcessLookupError):  # it has ended
        pass
    finally:
        process.join(PATIENCE)
        ours.close()
    return None if process.exitcode == -signal.SIGKILL else process.exitcode


def in_a_child(work: Callable[[], object], *, after_lines: tuple[str, ...], stop_at: int | None) -> int:
    """Run `work` in a forked child that is killed before the line number `stop_at` of those files that it runs.

    Returns:
        The child's raw wait status.
    """
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    left = [stop_at]

    def before_each_line(frame: Any, event: str, _argument: object) -> Any:
        if not frame.f_code.co_filename.endswith(after_lines):
            return None
        if event == "line" and left[0] is not None:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return before_each_line

    try:
        sys.settrace(before_each_line)
        work()
    finally:
        os._exit(0)
