"""What a rule is: an id, the facts it needs, and a pure function from context to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ..light_dataclasses import dataclass
from .finding import Finding

if TYPE_CHECKING:
    from ..facts.sheet import FactSheet
    from ..knowledge.profile import Profile
    from ..settings.options import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """All that a rule may look at. No rule does I/O."""

    sheet: FactSheet
    settings: Settings
    profile: Profile


@dataclass(frozen=True, slots=True)
class Rule:
    """One promise: the id never changes its meaning.

    `needs` are the fact sheet's fields without which the rule cannot judge: an `Unknown` there makes the rule's row
    `unknown`, an `Absent` one makes it `skip`, unless `sees_absent` says that absence is the rule's own business.
    `after` are rules whose failure makes this one's finding a consequence: the judge then runs it no more and reports
    `skip` with `caused_by`.
    `evaluate` yields its findings; yielding nothing means all is well and gives one `ok` row.
    """

    id: str
    title: str
    evaluate: Callable[[Context], Iterable[Finding]]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    sees_absent: bool = False
    repairable: bool = False


def fail(
    rule: str,
    title: str,
    detail: str,
    *,
    cure: str,
    evidence: str = "",
    repairable: bool = False,
    caused_by: str | None = None,
    subject: str = "",
) -> Finding:
    """A finding that blocks training."""
    return Finding(rule, "fail", title, detail, evidence, cure, repairable, caused_by, subject)


def warn(
    rule: str,
    title: str,
    detail: str,
    *,
    cure: str,
    evidence: str = "",
    repairable: bool = False,
    caused_by: str | None = None,
    subject: str = "",
) -> Finding:
    """A finding that lets training start, but that the user should know."""
    return Finding(rule, "warn", title, detail, evidence, cure, repairable, caused_by, subject)
