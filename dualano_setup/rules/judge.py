"""Runs every rule over one fact sheet, causes before consequences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..facts.fact import Absent, Unknown
from ..language import _
from .finding import Finding, Verdict, skip, unknown
from .rule import Context, Rule


def judge(context: Context, rules: Sequence[Rule]) -> tuple[Finding, ...]:
    """All findings, in the rules' own order, at least one row for each rule.

    A rule whose cause failed is not run: its row is `skip` and names the cause. A rule that crashes is a defect of
    ours, and still must not cost the user the other rows: it becomes `unknown` with the error's text.
    """
    rows: dict[str, tuple[Finding, ...]] = {}
    for rule in _causes_first(rules):
        cause = next((c for c in rule.after if _failed(rows.get(c, ()))), None)
        said = (skip(_("waits for {cause}", cause=cause), caused_by=cause),) if cause else _verdicts(rule, context)
        rows[rule.id] = tuple(_finding(rule, verdict) for verdict in said)
    return tuple(finding for rule in rules for finding in rows[rule.id])


def _verdicts(rule: Rule, context: Context) -> tuple[Verdict, ...]:
    for need in rule.needs:
        fact = getattr(context.sheet, need)
        if isinstance(fact, Unknown):
            return (unknown(fact.reason, evidence=fact.source),)
        if isinstance(fact, Absent) and not rule.sees_absent:
            return (skip(_(fact.reason)),)
    try:
        return tuple(rule.evaluate(context)) or (Verdict("ok"),)
    except Exception as error:
        return (unknown(_("this check failed inside: {kind}: {error}", kind=type(error).__name__, error=error)),)


def _finding(rule: Rule, said: Verdict) -> Finding:
    repairable = said.repairable
    if repairable is None:
        repairable = rule.repairable and said.status in ("fail", "warn")
    well = said.status in ("ok", "skip")
    title = said.title or _((well and rule.fine) or rule.title)
    return Finding(
        rule.id, said.status, title, said.detail, said.evidence, said.cure, repairable, said.caused_by, said.subject
    )


def _failed(rows: Iterable[Finding]) -> bool:
    return any(row.status == "fail" or (row.status == "skip" and row.caused_by) for row in rows)


def _causes_first(rules: Sequence[Rule]) -> list[Rule]:
    """The rules with every `after` before its dependants; ties keep the given order."""
    by_id = {rule.id: rule for rule in rules}
    ordered: list[Rule] = []
    seen: set[str] = set()

    def visit(rule: Rule) -> None:
        if rule.id in seen:
            return
        seen.add(rule.id)
        for cause in rule.after:
            if cause in by_id:
                visit(by_id[cause])
        ordered.append(rule)

    for rule in rules:
        visit(rule)
    return ordered
