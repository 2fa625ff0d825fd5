"""Runs every rule over one fact sheet, causes before consequences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..facts.fact import Absent, Unknown
from ..language import _
from .finding import Finding
from .rule import Context, Rule


def judge(context: Context, rules: Sequence[Rule]) -> tuple[Finding, ...]:
    """All findings, in the rules' own order, at least one row for each rule.

    A rule whose cause failed is not run: its row is `skip` and names the cause. A rule that crashes is a defect of
    ours, and still must not cost the user the other rows: it becomes `unknown` with the error's text.
    """
    rows: dict[str, tuple[Finding, ...]] = {}
    for rule in _causes_first(rules):
        cause = next((c for c in rule.after if _failed(rows.get(c, ()))), None)
        rows[rule.id] = (
            (_skip(rule, _("waits for {cause}", cause=cause), cause),) if cause else _evaluate(rule, context)
        )
    return tuple(finding for rule in rules for finding in rows[rule.id])


def _evaluate(rule: Rule, context: Context) -> tuple[Finding, ...]:
    for need in rule.needs:
        fact = getattr(context.sheet, need)
        if isinstance(fact, Unknown):
            return (Finding(rule.id, "unknown", _(rule.title), fact.reason, fact.source),)
        if isinstance(fact, Absent) and not rule.sees_absent:
            return (_skip(rule, _(fact.reason), None),)
    try:
        found = tuple(rule.evaluate(context))
    except Exception as error:
        return (
            Finding(
                rule.id,
                "unknown",
                _(rule.title),
                _("this check failed inside: {kind}: {error}", kind=type(error).__name__, error=error),
            ),
        )
    return found or (Finding(rule.id, "ok", _(rule.title)),)


def _skip(rule: Rule, reason: str, cause: str | None) -> Finding:
    return Finding(rule.id, "skip", _(rule.title), reason, caused_by=cause)


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
