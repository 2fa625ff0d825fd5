"""`check --json`: the report as one document, schema 1. Keys are a promise: they are added to, never renamed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from .. import __version__
from ..check import Report
from ..facts.serialize import sheet_to_json
from ..rules.finding import STATUSES, Finding
from ..text.json_text import json_text
from ..text.redact import Redactor

SCHEMA = 1


def report_document(report: Report, redactor: Redactor | None = None) -> str:
    """The document as indented JSON text, redacted."""
    redactor = redactor or Redactor.for_this_user()
    document = {
        "schema": SCHEMA,
        "tool": __version__,
        "profile": report.profile.name,
        "ok": report.verdict == 0,
        "summary": {status: report.count(status) for status in ("ok", "info", "warn", "fail", "unknown", "skip")},
        "facts": redactor.tree(sheet_to_json(report.sheet)),
        "findings": [redactor.tree(finding_document(finding)) for finding in report.findings],
    }
    # Later additions stand only where there is something to say.
    if report.suppressed:
        document["suppressed"] = [
            redactor.tree(finding_document(one.finding) | {"reason": one.by.reason, "until": str(one.by.until)})
            for one in report.suppressed
        ]
    if report.notices:
        document["notices"] = redactor.tree(list(report.notices))
    if report.chosen is not None:
        document["chosen"] = sorted(report.chosen)
    return json_text(document)


def schema_text(name: Literal["check", "plan"] = "check") -> str:
    """The published JSON Schema of `check --json`, or of `fix --plan --json`."""
    return (Path(__file__).parent / f"{name}.schema.json").read_text(encoding="utf-8")


def finding_document(finding: Finding) -> dict[str, object]:
    """One row of `findings`."""
    assert finding.status in STATUSES
    return {
        "rule": finding.rule,
        "status": finding.status,
        "title": finding.title,
        "detail": finding.detail,
        "evidence": finding.evidence,
        "cure": finding.cure,
        "repairable": finding.repairable,
        "caused_by": finding.caused_by,
        "subject": finding.subject,
        "docs": f"dualano-doctor rule {finding.rule}",
    }
