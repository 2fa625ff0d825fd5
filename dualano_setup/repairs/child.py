"""Runs one child process: argument list, scrubbed environment, log file, deadline, its whole group ended with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

KEPT_LINES = 25
GRACE = 5.0  # seconds between asking and killing

# What decides where packages come from or what a Python imports. What of it the user wants honoured is translated
# by `installers`, so that nothing reaches an installer by accident.
_DROPPED_PREFIXES = ("PIP_", "CONDA_", "MAMBA_", "PYTHON", "VIRTUAL_ENV", "__PYVENV", "_CONDA", "PYENV_")
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

    `deadline` is in seconds; at its end, and on any exception here (Ctrl-C), the whole process group is ended.
    `on_line` is called with each new whole line of the log, about twice a second.
    """
    with log.open("ab") as output:
        started = output.tell()
        output.write(f"$ {' '.join(argv)}\n".encode())
        output.flush()
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=variables,
            start_new_session=True,
        )
    end = time.monotonic() + deadline
    position = started
    try:
        while child.poll() is None:
            if time.monotonic() > end:
                _end_group(child)
                with log.open("ab") as output:
                    output.write(f"\nended: it ran past {deadline:.0f} seconds\n".encode())
                break
            time.sleep(0.02 if time.monotonic() - end + deadline < 2 else 0.3)
            position = _report(log, position, on_line)
        _report(log, position, on_line)
        return child.returncode if child.returncode is not None else -signal.SIGKILL
    except BaseException:
        _end_group(child)
        raise


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
    return name.startswith(_DROPPED_PREFIXES) or name.startswith(_DROPPED_UV)


def _report(log: Path, position: int, on_line: Callable[[str], None] | None) -> int:
    """Hands over the whole lines that came since `position`; returns the new position."""
    if on_line is None:
        return position
    with log.open("rb") as file:
        file.seek(position)
        new = file.read(1 << 20)
    whole, newline, _ = new.rpartition(b"\n")
    for line in whole.decode("utf-8", "replace").splitlines():
        on_line(line)
    return position + len(whole) + len(newline)


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """Asks the child's whole group to end, then kills it."""
    for how, patience in ((signal.SIGTERM, GRACE), (signal.SIGKILL, GRACE)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, how)
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            continue
        if how == signal.SIGKILL:
            return
