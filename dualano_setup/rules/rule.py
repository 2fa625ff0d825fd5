"""What a rule is: an id, a title, the facts it needs, and a pure function from context to verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from ..facts.fact import Fact, Known
from ..light_dataclasses import dataclass
from .finding import Verdict

if TYPE_CHECKING:
    from ..facts.sheet import FactSheet
    from ..knowledge.profile import Profile
    from ..settings.options import Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Context:
    """All that a rule may look at. No rule does I/O."""

    sheet: FactSheet
    settings: Settings
    profile: Profile


@dataclass(frozen=True, slots=True)
class Rule:
    """One promise: the id never changes its meaning. Id, title and repairability are said here and nowhere else.

    `needs` are the fact sheet's fields without which the rule cannot judge: an `Unknown` there makes the rule's row
    `unknown`, an `Absent` one makes it `skip`, unless `sees_absent` says that absence is the rule's own business.
    `after` are rules whose failure makes this one's finding a consequence: the judge then runs it no more and reports
    `skip` with `caused_by`.
    `evaluate` yields its verdicts; yielding nothing means all is well and gives one `ok` row.
    `fine` is the title of its row when all is well or nothing is judged, where `title` names the fault.
    `repairable` says whether a program can mend what fails or warns, but for verdicts that say otherwise themselves.
    """

    id: str
    title: str
    evaluate: Callable[[Context], Iterable[Verdict]]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    sees_absent: bool = False
    repairable: bool = False
    fine: str = ""


def given(fact: Fact[T]) -> T:
    """What was seen, for a rule that lists the fact in its `needs`."""
    assert isinstance(fact, Known), "a rule asked for a fact that it does not list in `needs`"
    return fact.value
