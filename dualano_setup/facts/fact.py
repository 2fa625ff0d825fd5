"""The three things a probe can say: it is so, it is not there, or it could not be looked at."""

from __future__ import annotations

from typing import Generic, TypeVar

from ..light_dataclasses import dataclass

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """Seen. `source` says where (a file, a command), so that a finding can cite it."""

    value: T
    source: str = ""


@dataclass(frozen=True, slots=True)
class Absent:
    """Looked, and it is not there (or nothing to look at was named). Never means "could not look"."""

    reason: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Could not look: unreadable, timed out, crashed. Neither fine nor broken."""

    reason: str
    source: str = ""


Fact = Known[T] | Absent | Unknown


def value(fact: Fact[T]) -> T | None:
    """What was seen, or None when nothing was or nothing could be."""
    return fact.value if isinstance(fact, Known) else None
