"""Reads the end of a log: the line that says why a run failed, not the launcher's lament about it. Pure but `read_end`.

`accelerate launch` ends with `CalledProcessError: Command '[...]' returned non-zero exit status 1`, whatever happened
in the training process; the reason stands above it.
"""

from __future__ import annotations

import re
import signal
from pathlib import Path

from ..system.files import read_part

END_BYTES = 256_000
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_TRACEBACK = "Traceback (most recent call last):"
_EXCEPTION = re.compile(r"^(?P<name>[A-Za-z_][\w.]*)(: .*|:)?$")
_OF_THE_LAUNCHER = ("ChildFailedError", "SignalException")
_LAUNCHES = re.compile(r"accelerate|torchrun|torch\.distributed|deepspeed|'-m', 'trainer|\.py'")
_INSTALLS = re.compile(r"setup\.py'|'-m', '(?:pip|venv|build|ensurepip)'")
_PLAIN = re.compile(r"^(error: |Fatal Python error|Segmentation fault|Bus error|.*: error: |.*No module named )")
_STATUS = re.compile(r"returned non-zero exit status (\d{1,9})\.|died with <Signals\.(\w+): \d+>")
_ELASTIC = re.compile(r"exitcode\s*:\s*(-?\d{1,9})\b")
CAUSE_LINES = 6


def read_end(log: Path, limit: int = END_BYTES, until: int | None = None) -> str:
    """The last `limit` bytes of a log, or of its first `until` bytes, as text; empty when there is none."""
    return read_end_bytes(log, limit, until).decode("utf-8", "replace")


def read_end_bytes(log: Path, limit: int = END_BYTES, until: int | None = None) -> bytes:
    """The same as bytes."""
    try:
        end = log.stat().st_size if until is None else until
        start = max(0, end - limit)
        return read_part(log, end - start, start)
    except (OSError, ValueError):  # ValueError: a path with a zero byte, from a record that may be anybody's
        return b""


def lines_of(text: str) -> list[str]:
    """The lines as a terminal would show them: a redrawn progress line once, no colour codes."""
    plain = _ESCAPES.sub("", text)
    return [line.rstrip("\r").rsplit("\r", 1)[-1].rstrip() for line in plain.split("\n")]


def tail(text: str, count: int) -> list[str]:
    """The last `count` lines that are not empty at the end."""
    lines = lines_of(text)
    while lines and not lines[-1]:
        lines.pop()
    return lines[-count:] if count else []


def last_error(text: str) -> tuple[str, ...]:
    """The lines of the last error that is the trainer's own, at most CAUSE_LINES; else the last line there is."""
    return seen_error(text) or tuple(line for line in tail(text, 40) if line.strip() and _ours(line))[-1:]


def seen_error(text: str) -> tuple[str, ...]:
    """The lines of the last error that is the trainer's own, at most CAUSE_LINES; empty when there is no error."""
    lines = lines_of(text)
    found: tuple[str, ...] = ()
    in_traceback = False
    for number, line in enumerate(lines):
        stripped = _without_rank(line)
        if is_traceback(line):
            in_traceback = True
        elif in_traceback and stripped and not stripped[0].isspace():
            match = _EXCEPTION.match(stripped)
            in_traceback = False
            if match and not is_of_the_launcher(stripped):
                found = _with_place(lines, number, stripped)
        elif _PLAIN.match(stripped):
            found = (stripped,)
    return found


def trainer_status(text: str) -> int | None:
    """The training process's own exit status (negative: a signal) from the launcher's last words, or None."""
    matches = list(_STATUS.finditer(text))
    if matches:
        number, name = matches[-1].groups()
        if number:
            return int(number)
        return -signal.Signals[name].value if name in signal.Signals.__members__ else None
    codes = [int(code) for code in _ELASTIC.findall(text)]
    return codes[-1] if codes else None


def _with_place(lines: list[str], number: int, message: str) -> tuple[str, ...]:
    """The message with the innermost `File "...", line N` above it and the lines that continue it."""
    above = lines[max(0, number - 40) : number]
    place = next((line.strip() for line in reversed(above) if line.lstrip().startswith('File "')), "")
    after = []
    for line in lines[number + 1 : number + CAUSE_LINES - 1]:
        if not line.strip() or _without_rank(line).startswith((_TRACEBACK, "$ ", "Steps:")) or _PLAIN.match(line):
            break
        after.append(line)
    return (*((place,) if place else ()), message, *after)


def _without_rank(line: str) -> str:
    return re.sub(r"^\[rank\d+\]: ?", "", line)


def is_traceback(line: str) -> bool:
    """Whether a line begins a traceback, of whatever rank."""
    return _without_rank(line).startswith(_TRACEBACK)


def is_of_the_launcher(line: str) -> bool:
    """Whether a traceback's last line is an exception of the launcher's, which only says that the training failed."""
    match = _EXCEPTION.match(_without_rank(line))
    if match is None or not match["name"].endswith("CalledProcessError"):
        return match is not None and match["name"].endswith(_OF_THE_LAUNCHER)
    return _LAUNCHES.search(line) is not None and _INSTALLS.search(line) is None


def is_head(line: str) -> bool:
    """Whether a line is one of the two that the supervisor writes before anything else."""
    return line.startswith(("$ ", "  in /"))


def _ours(line: str) -> bool:
    """Whether a line is something the trainer said: no head of the log, no frame, nothing of the launcher's."""
    if is_head(line) or line[0].isspace() or is_traceback(line):
        return False
    return not any(name in line for name in (*_OF_THE_LAUNCHER, "CalledProcessError"))
