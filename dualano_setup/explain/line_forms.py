"""What a single line of any program's log is: an exception, a success, a frame of a traceback, an aside. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, cast

from ..system import toml
from .clean import rank_of

FILE = Path(__file__).parents[1] / "knowledge" / "line_forms.toml"
_FORMS: Mapping[str, list[str]] = toml.parse(FILE.read_bytes())
Level = Literal["quiet", "warning", "error", ""]
_CAPTURED = re.compile(
    r"lines? of output\]|Complete output(?: \(|$)|^\s*\[(?:stderr|stdout)\]$|Complete output from command"
)
_END_OF_CAPTURED = re.compile(r"\[end of output\]|^\s*-{20,}$")
_FRAME = re.compile(r'^\s*File "(?:[^"]+)", line \d+')
_CHAIN = re.compile(
    r"^(?:During handling of the above exception|The above exception was the direct cause of the following exception)"
)
_AFTER_FRAMES = re.compile(r"^(?:\w+\.)*([A-Za-z_]\w*)(?:: .*|:|)$")
_LONE = re.compile(
    r"^(?:[A-Z]+:[\w.]+:|[\w.-]+: )?(?:[A-Za-z_]\w*\.)*([A-Z]\w*(?:"
    + "|".join(_FORMS["exceptions"])
    + r"))(?::(?: |$)|$)"
    r"|^(?:[a-z_]\w*\.)+([A-Z]\w*): |^(gaierror|KeyboardInterrupt|BadZipFile|IncompleteRead)\b"
)
# WARN is NCCL's word for its errors.
_LEVEL = re.compile(
    r"\b(?:(?P<quiet>INFO|DEBUG|TRACE|NOTICE|(?:info|debug|notice)(?=\]|:|\s\|))"
    r"|(?P<error>ERROR|CRITICAL|FATAL|error:|Error:|fatal:)"
    r"|(?P<warning>(?<!NCCL )WARN(?:ING)?\b|[Ww]arn(?:ing)?(?=\]?:| {2})|\w{1,40}Warning(?=: )))"
)
_NO_ACCOUNT = re.compile("|".join(_FORMS["of_no_account"]))
_DEALT_WITH = re.compile("|".join(_FORMS["dealt_with"]), re.IGNORECASE)
_WENT_ON = re.compile("|".join(_FORMS["went_on"]), re.IGNORECASE)
_GOOD = re.compile("|".join(_FORMS["good"]), re.IGNORECASE)
_NOT_GOOD = re.compile("|".join(_FORMS["not_good"]), re.IGNORECASE)
_TRIVIAL = re.compile(f"^(?:{'|'.join(_FORMS['aside_begins'])})|" + "|".join(_FORMS["aside"]), re.IGNORECASE)
_BAR = re.compile(r"(?<!\d)\d+/\d+ \[[^\]]*(?:it/s|s/it)")
_BEGINS_ANEW = re.compile(r"^(?:Traceback|\$ |Steps:|During handling|The above exception|\[notice\])")
_CODE = re.compile(
    r"^(?:raise|return|assert|if|elif|else|with|for|while|def|class|try|except|self\.|await|yield|from|import|@"
    r"|\w+ = |\w+\.\w+\(|\w+\()"
)


def level(line: str) -> Level:
    """What a logger says of the line's weight, "" where none does. Of two words the first holds."""
    found = _LEVEL.search(line[:120])
    return cast(Level, found.lastgroup) if found else ""


def exception_name(text: str, *, after_frames: bool) -> str:
    """The class that a line names as raised, without its module, or "". Behind frames any name is one."""
    found = (after_frames and _AFTER_FRAMES.match(text)) or _LONE.match(text)
    return next((group for group in found.groups() if group), "") if found else ""


def is_of_no_account(text: str) -> bool:
    """Whether a line that may hold an error's words tells of a test, a check or an error that was dealt with."""
    return _NO_ACCOUNT.search(text) is not None or (not _LONE.match(text) and _DEALT_WITH.search(text) is not None)


def is_bar(text: str) -> bool:
    """Whether a line is a progress bar: what stands above it did not end the program."""
    return _BAR.search(text) is not None


def is_good(text: str) -> bool:
    """Whether a line says that the work succeeded or went on."""
    return _GOOD.search(text) is not None and not speaks_of_failure(text)


def speaks_of_failure(text: str) -> bool:
    """Whether a line, of whatever kind, has words of failing in it; "as expected" takes them back."""
    return _NOT_GOOD.search(text) is not None and "as expected" not in text


def went_on(text: str) -> bool:
    """Whether a line says that the work went on in spite of something."""
    return _WENT_ON.search(text) is not None and not speaks_of_failure(text)


def is_trivial(raw: str, text: str) -> bool:
    """Whether a line may follow a failure without meaning that the program went on: asides, advice, frames."""
    unranked = raw[raw.find("]: ") + 3 :] if rank_of(raw) else raw
    return unranked[:1].isspace() or _TRIVIAL.search(text) is not None or speaks_of_failure(text)


def begins_anew(text: str) -> bool:
    """Whether a line no longer belongs to the message above it."""
    return _BEGINS_ANEW.match(text) is not None


class Traceback:
    """Follows tracebacks from line to line."""

    def __init__(self) -> None:
        self._inside = False
        self._code = False
        self.place = ""

    def step(self, raw: str, text: str) -> Literal["frame", "last", "chain", ""]:
        """What the next line is: part of the frames, a traceback's last line, between two of a chain, or none of it."""
        if _CHAIN.match(text):
            self._inside = False
            return "chain"
        if text.startswith(("Traceback (most recent call last)", "Exception Group Traceback")):
            self._inside, self.place = True, ""
            return "frame"
        if _FRAME.match(text):
            self._inside, self._code, self.place = True, True, text
            return "frame"
        if not self._inside:
            return "frame" if _is_indented(raw) and _CODE.match(text) else ""
        if _is_indented(raw) and (self._code or text.startswith(("^", "~", "[Previous line", "..."))):
            self._code = False
            return "frame"
        if _is_indented(raw) and not _LONE.match(text):
            return "frame"
        self._inside = False
        return "last" if _AFTER_FRAMES.match(text) else ""


class Captured:
    """Follows what an installer captured of a build: it happened there, not in the environment."""

    def __init__(self) -> None:
        self._inside = False

    def holds(self, raw: str) -> bool:
        """Whether the next line stands in captured output."""
        if _CAPTURED.search(raw):
            self._inside = True
            return True
        if self._inside and (_END_OF_CAPTURED.search(raw) or (raw.strip() and not _is_indented(raw))):
            self._inside = False
        return self._inside


def _is_indented(raw: str) -> bool:
    unranked = raw[raw.find("]: ") + 3 :] if rank_of(raw) else raw
    return unranked[:1] in (" ", "\t", "│", "|")
