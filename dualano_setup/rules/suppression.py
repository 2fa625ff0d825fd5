"""Findings that the user has answered for: `[[suppress]]` in dualano.toml, each with a reason and an end date.

    [[suppress]]
    rule = "GPU003"
    reason = "the 40 GB card comes back from repair in January"
    until = 2027-01-31
    subject = "0"          # optional: only that row of the rule; `*` and `?` stand for what they do in a shell

A suppressed finding does not block and is not repaired, and is told all the same: in the summary, in JSON, in SARIF.
Imported only when dualano.toml has such a table.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from ..language import _
from ..settings.suppressions import Suppression
from .finding import Finding
from .selection import near_ids


class Suppressed(NamedTuple):
    """A finding with the suppression that covers it."""

    finding: Finding
    by: Suppression


class Sorted(NamedTuple):
    """What is left to say after suppression. `notices` are sentences: suppressions that ended or name no rule."""

    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...]
    notices: tuple[str, ...]


def sort_out(findings: Sequence[Finding], suppressions: Sequence[Suppression], today: datetime.date) -> Sorted:
    """Takes the covered findings out. A suppression that ended before `today` covers nothing and is noticed."""
    current = [suppression for suppression in suppressions if suppression.until >= today]
    kept: list[Finding] = []
    suppressed: list[Suppressed] = []
    for finding in findings:
        by = next((suppression for suppression in current if covers(suppression, finding)), None)
        if by is None:
            kept.append(finding)
        else:
            suppressed.append(Suppressed(finding, by))
    known = {finding.rule for finding in findings}
    notices = [_unknown(s) for s in suppressions if s.rule not in known]
    notices += [
        _ended(s) for s in suppressions if s.rule in known and s.until < today and any(covers(s, f) for f in findings)
    ]
    return Sorted(tuple(kept), tuple(suppressed), tuple(notices))


def _unknown(suppression: Suppression) -> str:
    near = near_ids(suppression.rule)
    return _(
        "dualano.toml suppresses {rule}, which is no rule of this version; near it: {near}",
        rule=suppression.rule,
        near=", ".join(near) or _("none"),
    )


def _ended(suppression: Suppression) -> str:
    return _(
        "the suppression of {rule} in dualano.toml ended on {until}, so it counts again (the reason was: {reason})",
        rule=suppression.rule,
        until=suppression.until.isoformat(),
        reason=suppression.reason,
    )


def covers(suppression: Suppression, finding: Finding) -> bool:
    """Whether that row is meant. Rows that say nothing wrong (ok, skip) never are."""
    if finding.rule != suppression.rule or finding.status in ("ok", "skip"):
        return False
    subject = suppression.subject
    return not subject or finding.subject == subject or fnmatchcase(finding.subject, subject)
