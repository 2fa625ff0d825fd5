"""Puts the root cause first. Pure: what was seen goes in, an explanation comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .signatures import ANYTHING_FATAL, SEVERITIES, Signature


@dataclass(slots=True)
class Seen:
    """One failure in a whole log: where first (line numbers from 1), how often, on which ranks.

    `step` is (done, total) of the progress bar before its last sighting, None without one; `last` that sighting's
    offset in bytes.
    """

    signature: Signature
    line: int
    text: str
    count: int
    ranks: tuple[str, ...]
    step: tuple[int, int] | None = None
    last: int = 0


@dataclass(frozen=True, slots=True)
class Named:
    """A known problem with what followed from it. `survived`: training went on after it."""

    seen: Seen
    followed_by: tuple[Seen, ...]
    survived: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a log says: problems (root cause first), notices that need no action, and an error nobody knows.

    `unknown` holds the lines of the log's last error when no problem that ends a run was named, or only its general
    kind, which is then the first of the problems.
    """

    problems: tuple[Named, ...]
    notices: tuple[Named, ...]
    unknown: tuple[str, ...]
    said: tuple[str, ...]  # the last error's lines, whether it is known or not
    lines: int
    bytes_read: int

    @property
    def exit_status(self) -> int:
        """0: a problem was named or nothing is wrong; 1: an error is not known, or by its general kind alone."""
        return 1 if self.unknown else 0

    @property
    def root(self) -> Named | None:
        """The problem that ended the run, if one was named."""
        first = next(iter(self.problems), None)
        return first if first and first.seen.signature.severity == "fatal" and not first.survived else None


@dataclass(frozen=True, slots=True)
class End:
    """How the log ends: its last error's lines, the general kind of that, and from which byte on all is well."""

    last_error: tuple[str, ...]
    general: Seen | None = None
    well_from: int | None = None


def explain(seen: Sequence[Seen], end: End, last_step: tuple[int, int] | None, lines: int, size: int) -> Explanation:
    """Causes before consequences, what ended the run before what it survived, errors before warnings, early first.

    Below every known failure stands the general kind that the log ends with. What a program that ended well met on
    its way ended nothing.
    """
    if end.well_from is not None:
        seen = [s for s in seen if s.signature.severity in ("warning", "benign") or s.last > end.well_from or s.step]
    if end.general and any(s.text == end.general.text and s.signature.severity in ("warning", "benign") for s in seen):
        end = End(())  # the last error in the log is one that ends no run
    causes, followers = _folded([*seen, *_general(seen, end, last_step)])
    named = [Named(cause, followers.get(cause.signature.id, ()), _survived(cause, last_step)) for cause in causes]
    named.sort(key=lambda n: (n.survived, SEVERITIES.index(n.seen.signature.severity), n.seen.line))
    problems = tuple(n for n in named if n.seen.signature.severity in ("fatal", "warning"))
    notices = tuple(n for n in named if n not in problems)
    known = any(_ended_the_run(n.seen, last_step) and not n.seen.signature.general for n in problems)
    return Explanation(problems, notices, () if known else end.last_error, end.last_error, lines, size)


def _general(seen: Sequence[Seen], end: End, last_step: tuple[int, int] | None) -> tuple[Seen, ...]:
    known = any(_ended_the_run(s, last_step) for s in seen)
    return () if known or end.general is None else (end.general,)


def _ended_the_run(seen: Seen, last_step: tuple[int, int] | None) -> bool:
    return seen.signature.severity == "fatal" and not _survived(seen, last_step)


def _folded(seen: Sequence[Seen]) -> tuple[list[Seen], dict[str, tuple[Seen, ...]]]:
    """The causes, and by the id of each what follows from it. A chain of consequences hangs on its first cause."""
    by_id = {s.signature.id: s for s in seen}
    fatal = [s for s in seen if s.signature.severity == "fatal"]
    parents: dict[str, str] = {}
    for s in seen:
        wanted = s.signature.consequence_of
        known = [by_id[name] for name in wanted if name in by_id]
        if not known and ANYTHING_FATAL in wanted:
            known = [f for f in fatal if f is not s]
        if known:
            parents[s.signature.id] = min(known, key=lambda k: k.line).signature.id
    causes: list[Seen] = []
    followers: dict[str, tuple[Seen, ...]] = {}
    for s in seen:
        root, passed = s.signature.id, {s.signature.id}
        while root in parents and parents[root] not in passed:
            root = parents[root]
            passed.add(root)
        if root == s.signature.id or root in parents:
            causes.append(s)
        else:
            followers[root] = (*followers.get(root, ()), s)
    return causes, followers


def _survived(seen: Seen, last_step: tuple[int, int] | None) -> bool:
    """Whether the progress bar went on after the last sighting: then this is not what ended the run."""
    if seen.step is None or last_step is None:
        return False
    return seen.step[1] == last_step[1] and last_step[0] > seen.step[0]
