"""Runs one child process: argument list, scrubbed environment, log file, deadline, all it started ended with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ..language import _
from .processes import RUN_VARIABLE, any_lives, end_for_certain, end_marked, members, send
from .unwinding import unwinding

KEPT_LINES = 25
GRACE = 5.0  # seconds between asking and killing
MAX_LOG = 64 << 20  # bytes; a healthy installer prints some hundred lines

# What decides where packages come from or what a Python imports. What of it the user wants honoured is translated
# by `installers`, so that nothing reaches an installer by accident.
_DROPPED_PREFIXES = ("PIP_", "CONDA_", "MAMBA_", "PYTHON", "VIRTUAL_ENV", "__PYVENV", "_CONDA", "PYENV_")
_DROPPED_LOADER = ("LD_PRELOAD", "LD_AUDIT")  # only other code; LD_LIBRARY_PATH stays, clusters' interpreters need it
_DROPPED_UV = (
    "UV_INDEX",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
    "UV_CONSTRAINT",
    "UV_BUILD_CONSTRAINT",
    "UV_OVERRIDE",
    "UV_EXCLUDE",
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_BREAK_SYSTEM_PACKAGES",
    "UV_PRERELEASE",
    "UV_RESOLUTION",
    "UV_CONFIG_FILE",
    "UV_PROJECT",
    "UV_TORCH_BACKEND",
    "UV_REQUIRE_HASHES",
    "UV_TARGET",
    "UV_PREFIX",
    "UV_WORKING_DIR",
)
_KEPT_UV = ("UV_INDEX_STRATEGY", "UV_PYTHON_INSTALL_MIRROR", "UV_PYPY_INSTALL_MIRROR", "UV_PYTHON_INSTALL_DIR")


def scrubbed_environment(source: dict[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what would redirect an installer or a Python."""
    variables = dict(os.environ) if source is None else source
    return {name: value for name, value in variables.items() if not _is_dropped(name)} | {"LC_ALL": "C.UTF-8"}


def run_child(
    argv: Sequence[str],
    variables: dict[str, str],
    folder: Path,
    log: Path,
    deadline: float,
    on_line: Callable[[str], None] | None = None,
) -> int:
    """Runs `argv` in `folder`, both streams appended to `log`, and returns its exit status (negative: a signal).

    `deadline` is in seconds; at its end, when it prints without end, and on any exception here (Ctrl-C, SIGTERM, a
    closed terminal), the whole process group is ended, and whatever else the child started. Waiting ends even when the
    child, stuck in the kernel, does not. `on_line` is called with each new whole line of the log, about twice a second.
    The child carries the name of its log's folder: by it `end_orphans` finds it should this process be killed.
    """
    key = str(log.parent)
    child = None
    with log.open("ab") as output, unwinding():
        started = output.tell()
        output.write(f"$ {' '.join(argv)}\n".encode())
        output.flush()
        try:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=variables | {RUN_VARIABLE: key},
                start_new_session=True,
            )
            too_much = _watch(child, log, started, deadline, on_line)
        finally:
            _end_all(child, key)
        if too_much:
            output.write(_("\nended: {too_much}\n", too_much=too_much).encode())
    return child.returncode if child.returncode is not None else -signal.SIGKILL


def end_orphans(folder: Path) -> None:
    """Ends what `run_child` started with its log in `folder`, and what that started, if it outlived this program."""
    if not any(folder.glob("*.log")):
        return
    end_marked(str(folder), GRACE)


def tail(log: Path, lines: int = KEPT_LINES) -> str:
    """The last lines of a log, without what only redraws a terminal line."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 64_000))
        text = file.read().decode("utf-8", "replace")
    kept = [line.rsplit("\r", 1)[-1] for line in text.splitlines() if line.strip()]
    return "\n".join(kept[-lines:])


def _is_dropped(name: str) -> bool:
    if name in _KEPT_UV:
        return False
    return name.startswith(_DROPPED_PREFIXES + _DROPPED_UV) or name in _DROPPED_LOADER


def _watch(
    child: subprocess.Popen[bytes], log: Path, position: int, deadline: float, on_line: Callable[[str], None] | None
) -> str:
    """Waits for the child's end, passing its lines on. Returns why it has to be ended, "" when it ended itself."""
    began = time.monotonic()
    limit = position + MAX_LOG
    while child.poll() is None:
        if time.monotonic() - began > deadline:
            return _("it ran past {deadline:.0f} seconds", deadline=deadline)
        if log.stat().st_size > limit:
            return _("it printed more than {max_log} bytes", max_log=MAX_LOG)
        time.sleep(0.02 if time.monotonic() - began < 2 else 0.3)
        position = _report(log, position, on_line)
    _report(log, position, on_line)
    return ""


def _report(log: Path, position: int, on_line: Callable[[str], None] | None) -> int:
    """Hands over the whole lines that came since `position`; returns the new position."""
    if on_line is None:
        return position
    with log.open("rb") as file:
        file.seek(position)
        new = file.read(1 << 20)
    whole, newline, __ = new.rpartition(b"\n")
    for line in whole.decode("utf-8", "replace").splitlines():
        on_line(line)
    return position + len(whole) + len(newline)


def _end_all(child: subprocess.Popen[bytes] | None, key: str) -> None:
    """Ends what is left of the child's group, and what left the group; returns in time, whether or not that worked.

    `child` is None when a signal came while it was being started: it may run all the same.
    """
    end_for_certain(lambda how: _send_to_all(child, key, how), lambda: _any_lives(child, key), GRACE)


def _send_to_all(child: subprocess.Popen[bytes] | None, key: str, how: signal.Signals) -> None:
    if child:
        with contextlib.suppress(ProcessLookupError):  # nobody is left of the group
            os.killpg(child.pid, how)
    send(members(key), how)


def _any_lives(child: subprocess.Popen[bytes] | None, key: str) -> bool:
    if child:
        child.poll()  # a dead leader that nobody waited for still counts as a member
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, 0)
            return True
    return any_lives(key)
