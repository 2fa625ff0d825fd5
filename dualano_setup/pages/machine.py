"""`check` as a page: what blocks first, each finding in words, what is fine folded away. Redacted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..check import Report
from ..language import N_, _
from ..report.markdown import machine_rows
from ..rules.finding import Finding, Status
from ..text.redact import Redactor

_GROUPS: tuple[tuple[str, tuple[Status, ...], str], ...] = (
    (N_("What blocks"), ("fail",), "bad"),
    (N_("What could not be looked at"), ("unknown",), "doubtful"),
    (N_("Warnings"), ("warn",), "doubtful"),
    (N_("Good to know"), ("info",), "busy"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One finding, with what waits for it."""

    rule: str
    title: str
    detail: str
    cure: str
    repairable: bool
    consequences: Sequence[str]


@dataclass(frozen=True, slots=True)
class CheckPage:
    """The whole page."""

    tone: str
    sentence: str
    hint: str
    numbers: Sequence[tuple[str, str]]
    groups: Sequence[tuple[str, str, Sequence[Row]]]
    fine: Sequence[tuple[str, str]]
    skipped: Sequence[tuple[str, str]]
    machine: Sequence[tuple[str, str]]
    notes: Sequence[str]


def check_page(report: Report, redactor: Redactor | None = None) -> CheckPage:
    """The page of a report."""
    clean = (redactor or Redactor.for_this_user()).text
    blocking, warnings = report.count("fail"), report.count("warn")
    repairable = sum(one.status == "fail" and one.repairable for one in report.findings)
    if blocking:
        sentence = _("Training cannot start yet: findings that block: {number}.", number=blocking)
    elif report.count("unknown"):
        sentence = _("Nothing that was seen blocks; some things could not be looked at: {number}.",
                     number=report.count("unknown"))  # fmt: skip
    else:
        sentence = _("Ready to train.") if report.chosen is None else _("Nothing of what was asked for blocks.")
    hint = _("`dualano-doctor fix` repairs {number} of them; it shows its plan first.", number=repairable)
    waiting = Counter(one.caused_by for one in report.findings if one.status == "skip" and one.caused_by)
    rows = [one for one in report.findings if one.status in ("fail", "unknown", "warn", "info")]
    causes = {one.rule for one in rows}
    groups = []
    for name, statuses, tone in _GROUPS:
        mine = [one for one in rows if one.status in statuses and one.caused_by not in causes]
        if mine:
            groups.append((_(name), tone, [_row(one, rows, waiting[one.rule], clean) for one in mine]))
    return CheckPage(
        tone="bad" if blocking else "doubtful" if report.count("unknown") or warnings else "good",
        sentence=sentence,
        hint=hint if repairable else "",
        numbers=[
            (_("blocking"), str(blocking)),
            (_("warnings"), str(warnings)),
            (_("could not be looked at"), str(report.count("unknown"))),
            (_("fine"), str(report.count("ok"))),
            (_("not judged"), str(report.count("skip"))),
        ],
        groups=groups,
        fine=[(one.rule, clean(one.title)) for one in report.findings if one.status == "ok"],
        skipped=[(one.rule, clean(one.title)) for one in report.findings if one.status == "skip"],
        machine=[(name, clean(value)) for name, value in machine_rows(report)],
        notes=[
            *(
                _("{rule} is suppressed until {until}: {reason}", rule=one.by.rule, until=one.by.until,
                  reason=clean(one.by.reason))
                for one in report.suppressed
            ),
            *map(clean, report.notices),
        ],
    )  # fmt: skip


def _row(finding: Finding, rows: Sequence[Finding], waiting: int, clean: Callable[[str], str]) -> Row:
    followers = [f"{one.rule} {clean(one.title)}" for one in rows if one.caused_by == finding.rule]
    if waiting:
        followers.append(
            _(
                N_("{waiting} further checks can only be made after this")
                if waiting > 1
                else N_("1 further check can only be made after this"),
                waiting=waiting,
            )
        )
    return Row(finding.rule, clean(finding.title), clean(finding.detail), clean(finding.cure), finding.repairable,
               followers)  # fmt: skip
