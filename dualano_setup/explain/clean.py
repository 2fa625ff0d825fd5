"""Takes a log's lines out of what wraps them: colours, redrawn bars, ranks, time stamps, names of exceptions. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

LONG_LINE = 2000
"""Characters from which on a line is taken for a whole log in one line (JSON, a pipe that lost its line ends)."""

_ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
_RANK = re.compile(r"\[(?:rank|default|local_rank)?(\d+)\](?:<std\w+>)?: ?")
_INNER_RANK = re.compile(r"(?<=.)(?=\[(?:rank|default)\d+\]:)")
_BEFORE = re.compile(
    r"\s+|\[(?:rank|default|local_rank)?\d+\](?:<std\w+>)?: ?"
    r"|[\w.-]+-\d+ +\| ?"  # docker compose
    r"|\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?"  # ISO time stamps
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ [\w./@-]+(?:\[\d+\])?: "  # syslog, journal
    r"|[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ [\w./-]+:\d+\] "  # glog, torch
    r"|\d\d/\d\d/\d{4} \d\d:\d\d:\d\d"  # accelerate's logger
    r"|[-|:] |(?:ERROR|CRITICAL|WARNING|INFO|DEBUG)(?= ?[-|] )"
)
_BAR = re.compile(r"^.{0,400}?\d+/\d+ \[[^\]\n]{0,200}(?:it/s|s/it)[^\]\n]{0,200}\](?=\S)")
_HEAD = re.compile(
    r"(?:(?:ERROR|Error|error|fatal|CRITICAL|WARNING|warning|cause): ?|(?:\S{1,300}: )?error: )?"
    r"(?:\S{1,300}\.py:\d+: )?"
    r"(?:(?:[A-Za-z_]\w*\.){0,8}[A-Za-z_]\w*(?:Error|Exception|Warning|Failure|Exit|Missing|NotFound): ?)?"
)
_NEW_ERROR = re.compile(r"(?<![\w.])(?=(?:[A-Za-z_]\w{0,40}\.){0,6}[A-Za-z_]\w{0,60}(?:Error|Exception): )")


def without_escapes(data: bytes) -> bytes:
    """The bytes without terminal escape sequences; the number of line ends stays."""
    return _ESCAPES.sub(b"", data) if b"\x1b" in data else data


def segments(line: bytes) -> Iterator[str]:
    """What one line of a log says, in one or more parts: ranks that wrote into one line, a log held in one string."""
    text = line.replace(b"\x00", b"").decode("utf-8", "replace")
    for part in text.split("\\n") if "\\n" in text else (text,):
        for piece in _INNER_RANK.split(part):
            yield from _NEW_ERROR.split(piece) if len(line) > LONG_LINE else (piece,)


def rank_of(line: str) -> str:
    """The rank that a launcher wrote before the line, or ""."""
    found = _RANK.match(line.lstrip())
    return found[1] if found else ""


def bare(line: str) -> str:
    """The line without ranks, time stamps and progress bars before it."""
    if "it/s" in line or "s/it" in line:
        line = _BAR.sub("", line, count=1)
    position = 0
    while found := _BEFORE.match(line, position):
        position = found.end()
    return line[position:].rstrip()


def message_of(line: str) -> str:
    """An error's own words: a bare line without `ERROR:`, `file.py:12:` and the exception's name."""
    found = _HEAD.match(line)
    return line[found.end() :] if found else line
