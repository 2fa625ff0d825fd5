"""What a rule says about the facts: its verdict, and the finding that the judge makes of it."""

from __future__ import annotations

from functools import partial
from typing import Literal

from ..light_dataclasses import dataclass

Status = Literal["ok", "info", "warn", "fail", "unknown", "skip"]
STATUSES: tuple[Status, ...] = ("ok", "info", "warn", "fail", "unknown", "skip")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule's verdict on one subject, before the judge has put the rule's id and title on it.

    `title` stands only where it differs from the rule's, `repairable` (of a row that warns or fails) likewise. The
    other fields are those of `Finding`.
    """

    status: Status
    detail: str = ""
    title: str = ""
    evidence: str = ""
    cure: str = ""
    repairable: bool | None = None
    caused_by: str | None = None
    subject: str = ""


fail = partial(Verdict, "fail")
"""Blocks training."""
warn = partial(Verdict, "warn")
"""Lets training start, but the user should know."""
info = partial(Verdict, "info")
"""Nothing wrong; worth a line."""
unknown = partial(Verdict, "unknown")
"""Could not be judged."""
skip = partial(Verdict, "skip")
"""The rule does not apply, or waits for `caused_by`."""


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
