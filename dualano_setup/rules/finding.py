"""What a rule says about the facts."""

from __future__ import annotations

from typing import Literal

from ..light_dataclasses import dataclass, replace

Status = Literal["ok", "info", "warn", "fail", "unknown", "skip"]
STATUSES: tuple[Status, ...] = ("ok", "info", "warn", "fail", "unknown", "skip")


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the report: one rule's verdict on one subject.

    `detail` says what was seen, `evidence` where, `cure` what to do by hand. `subject` tells several rows of one rule
    apart (a package, a file, a disk) and is what a repair acts on. `caused_by` names the rule whose finding has to be
    mended first, or that explains this one.
    """

    rule: str
    status: Status
    title: str
    detail: str = ""
    evidence: str = ""
    cure: str = ""
    repairable: bool = False
    caused_by: str | None = None
    subject: str = ""

    def because_of(self, rule: str) -> Finding:
        """The same finding folded under `rule`, its cause."""
        return replace(self, caused_by=rule)
