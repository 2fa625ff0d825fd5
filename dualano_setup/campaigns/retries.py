"""What is done with a job after its tries so far. Pure.

| how a try ended | what follows |
| --- | --- |
| stopped, waiting for a place | again, and it costs nothing |
| the batch system's time limit | again from the checkpoint; costs a try where nothing was gained |
| disk full | again once there is room; costs nothing |
| out of memory | again with settings that need less; set aside where there are none |
| a node's fault, killed, silent | again, elsewhere where there is somewhere else; costs a try |
| bad data, wrong settings | set aside at once |
| anything else | again; costs a try |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..language import _
from ..light_dataclasses import dataclass
from .commands import can_shrink
from .plan import Plan
from .verdict import DATA, DISK, MEMORY, NODE, SETTINGS

STOPPED, LIMIT, BUSY, LOST, STALLED, DONE = "stopped", "limit", "busy", "lost", "stalled", "done"
_FREE = (STOPPED, BUSY, DISK, DONE)
_ELSEWHERE = (NODE, LOST, STALLED)
_BUSY_PAUSES, _DISK_PAUSES = 2, 10  # of a campaign's usual pause of two seconds


@dataclass(frozen=True, slots=True)
class End:
    """How one try ended. `progress`: steps or pairs that it had reached."""

    kind: str
    step: str = ""
    words: str = ""
    name: str = ""
    place: str = ""  # "host" or "host:gpu"
    progress: int = 0
    claim: int = 0
    seconds: float = 0.0
    ended: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """`aside` says why the job is set aside, empty when it is to be tried (again).

    `avoid`: places where it failed for a reason of theirs. `smaller`: by step, how often it ran out of memory.
    `pause`: seconds to wait before the next try.
    """

    aside: str = ""
    avoid: tuple[str, ...] = ()
    pause: float = 0.0
    tries: int = 0
    waits_for_room: bool = False


def end_of(row: dict[str, Any] | None, claim: int) -> End:
    """A try's own record; one that left none was killed, or its machine was."""
    if row is None:
        return End(LOST, words=_("it was killed, or its machine went down"), claim=claim)
    texts = {key: str(row.get(key, "")) for key in ("kind", "step", "words", "name", "place")}
    progress, seconds, ended = (row.get(key, 0) for key in ("progress", "seconds", "ended"))
    numbers = (progress, seconds, ended)
    if not all(isinstance(value, (int, float)) for value in numbers):
        return End(LOST, claim=claim)
    return End(**texts, progress=int(progress), claim=claim, seconds=float(seconds), ended=float(ended))


def decide(ends: Sequence[End], plan: Plan) -> Decision:
    """What follows from a job's tries, oldest first (those before the user asked anew left out)."""
    tries = sum(_costs(ends, number) for number in range(len(ends)))
    last = ends[-1] if ends else End(DONE)
    avoid = tuple(dict.fromkeys(end.place for end in ends if end.kind in _ELSEWHERE and end.place))
    if last.kind in (DATA, SETTINGS):
        return Decision(last.words or last.name, avoid, tries=tries)
    if last.kind == MEMORY:
        if not can_shrink(plan, last.step, memory_ends(ends, last.step)):
            why = _("out of memory, with nothing left to make smaller: {words}", words=last.words)
            return Decision(why, avoid, tries=tries)
        return Decision(avoid=avoid, tries=tries)
    if tries > plan.how["retries"]:
        return Decision(_("failed {tries} times; the last time: {words}", tries=tries, words=last.words), avoid,
                        tries=tries)  # fmt: skip
    unit = plan.how.get("pause", 2.0)
    pause = {BUSY: _BUSY_PAUSES * unit, DISK: _DISK_PAUSES * unit}.get(last.kind, 0.0)
    if _costs(ends, len(ends) - 1):
        pause = min(60.0, unit * 2 ** (tries - 1))
    return Decision("", avoid, pause, tries, last.kind == DISK)


def memory_ends(ends: Sequence[End], step: str) -> int:
    """How often that step ran out of memory."""
    return sum(end.kind == MEMORY and end.step == step for end in ends)


def _costs(ends: Sequence[End], number: int) -> bool:
    """Whether a try counts against the budget."""
    if number < 0:
        return False
    end = ends[number]
    if end.kind in _FREE or end.kind == MEMORY:
        return False
    if end.kind == LIMIT:
        before = next((other for other in reversed(ends[:number]) if other.kind == LIMIT), None)
        return before is not None and (before.step, before.progress) == (end.step, end.progress)
    return True
