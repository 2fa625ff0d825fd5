"""Reads how a log ends: well, or with a kind of failure that any program has. Pure: bytes in, an ending out.

A line is a failure only where nothing that matters follows it. Walking up from the end, a line that tells of success
or of going on ends the search; ordinary lines may follow a failure, the more the less doubt it leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from . import clean, line_forms
from .general import TIERS, Kind, Kinds
from .last_error import is_of_the_launcher

Role = Literal["bad", "good", "bar", "ordinary", "trivial"]
MOST_LINES = 600
_MAY_FOLLOW = {"nature": 4, "cause": 1, "catch-all": 1, "wrapper": 2}
"""How many ordinary lines may stand behind a failure of each tier."""
_MAY_FOLLOW_A_TRACEBACK = 2
_BETWEEN = 6
"""How many ordinary lines may stand between two failures of one end."""
_BEFORE_NOTHING = 12
"""How many ordinary lines are passed in search of the line that tells how it ended."""
_LATER_COMMAND = 6
_SHOWN_AFTER = 4
_NATURE = TIERS.index("nature")


@dataclass(slots=True)
class Line:
    """A line near the end: its byte offset, its words without what wraps them, and what it is."""

    offset: int
    text: str
    role: Role = "trivial"
    kind: Kind | None = None
    traceback: bool = False
    place: str = ""  # `File "...", line N` of the innermost frame, for a traceback's last line
    chained: bool = False  # another exception was raised while this one was handled


@dataclass(frozen=True, slots=True)
class Ending:
    """How a log ends. `kind` and `text` of what ended it, `shown`: the last error's lines; `well_from`: the offset of
    the line that tells of success, when nothing failed behind it."""

    kind: Kind | None
    text: str
    offset: int
    shown: tuple[str, ...]
    well_from: int | None


def read_ending(tail: bytes, kinds: Kinds) -> Ending:
    """The ending of a log whose last bytes are `tail`."""
    lines = _lines(tail)
    _judge(lines, kinds)
    bad, well_from = _last_failures(_without_later_commands(lines))
    if not bad:
        return Ending(None, "", 0, (), well_from)
    chosen = min(bad, key=_says_most)
    last = min(bad, key=lambda line: (_tier(line) == len(TIERS) - 1, -line.offset))
    return Ending(chosen.kind, chosen.text[:500], chosen.offset, _shown(lines, last), None)


def _says_most(line: Line) -> tuple[int, int]:
    """What is fatal by nature in the table's order, of all else the earliest: what comes later may follow from it."""
    assert line.kind is not None
    return _tier(line), line.kind.place if line.kind.tier == _NATURE else line.offset


def _tier(line: Line) -> int:
    assert line.kind is not None
    return line.kind.tier + (line.chained and line.kind.tier > _NATURE)


def _lines(tail: bytes) -> list[Line]:
    """The last lines, as a terminal shows them: a redrawn line as it was drawn last."""
    found: list[Line] = []
    offset = 0
    for raw in tail.split(b"\n"):
        drawn = next((part for part in reversed(raw.split(b"\r")) if part.strip()), b"")
        found += [Line(offset, piece) for piece in clean.segments(drawn[: 1 << 16])]
        offset += len(raw) + 1
    return found[-MOST_LINES:]


def _judge(lines: list[Line], kinds: Kinds) -> None:
    """Gives each line its role, from the first to the last: tracebacks and captured output span several."""
    traceback = line_forms.Traceback()
    captured = line_forms.Captured()
    for line in lines:
        raw, line.text = line.text, clean.bare(line.text)
        if captured.holds(raw) or not line.text:
            continue
        step = traceback.step(raw, line.text)
        if step == "frame":
            continue
        if step == "chain":
            for before in reversed(lines[: lines.index(line)]):
                if before.kind:
                    before.chained = True
                    break
            continue
        _judge_one(line, raw, kinds, last_of_traceback=step == "last", place=traceback.place)


def _judge_one(line: Line, raw: str, kinds: Kinds, *, last_of_traceback: bool, place: str) -> None:
    level = line_forms.level(raw)
    name = line_forms.exception_name(line.text, after_frames=last_of_traceback)
    if line_forms.is_of_no_account(line.text) or level == "quiet":
        line.role = "good" if line_forms.is_good(line.text) or line_forms.went_on(line.text) else "ordinary"
        return
    line.kind = kinds.of(line.text, name, warning=level == "warning")
    if line.kind is None and (name or last_of_traceback):
        line.kind = kinds.uncaught
    if name and is_of_the_launcher(line.text):
        line.kind = kinds.launched
    if line.kind is not None:
        line.role, line.traceback, line.place = "bad", last_of_traceback, place if last_of_traceback else ""
    elif line_forms.is_bar(line.text):
        line.role = "bar"
    elif line_forms.is_good(line.text):
        line.role = "good"
    elif line_forms.is_trivial(raw, line.text):
        line.role = "trivial"
    else:
        line.role = "good" if line_forms.went_on(line.text) else "ordinary"


def _without_later_commands(lines: list[Line]) -> list[Line]:
    """The lines before a short command that somebody typed behind the failure, as `$ echo done`, and its output."""
    for number in range(len(lines) - 1, max(0, len(lines) - _LATER_COMMAND), -1):
        if lines[number].role == "bad":
            break
        if lines[number].text.startswith("$ ") and any(line.role == "bad" for line in lines[number - 3 : number]):
            return lines[:number]
    return lines


def _last_failures(lines: list[Line]) -> tuple[list[Line], int | None]:
    """The failures that end the log, the last first; or the offset of the line that says that it ended well."""
    bad: list[Line] = []
    ordinary = 0
    for line in reversed(lines):
        if line.role == "good":
            return bad, None if bad else line.offset
        if line.role == "bar" and bad:
            break
        if line.role in ("ordinary", "bar"):
            ordinary += 1
            if ordinary > (_BETWEEN if bad else _BEFORE_NOTHING):
                break
        elif line.role == "bad":
            assert line.kind is not None
            may_follow = _MAY_FOLLOW_A_TRACEBACK if line.traceback else _MAY_FOLLOW[TIERS[line.kind.tier]]
            if not bad and ordinary > may_follow:
                ordinary += 1
                continue
            bad.append(line)
            ordinary = 0
    return bad, None


def _shown(lines: list[Line], last: Line) -> tuple[str, ...]:
    """A failure's own lines: where it happened, what it says, and the lines that continue it."""
    number = lines.index(last)
    after = []
    for line in lines[number + 1 : number + 1 + _SHOWN_AFTER]:
        if not line.text or line.role in ("bad", "good") or line_forms.begins_anew(line.text):
            break
        after.append(line.text[:500])
    return (*((last.place,) if last.place else ()), last.text[:500], *after)
