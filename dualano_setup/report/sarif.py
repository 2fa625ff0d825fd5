"""`check --sarif`: the report as SARIF 2.1.0, which code scanning services read."""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

from .. import __version__
from ..check import Report
from ..language import _, spoken
from ..rules.finding import Finding
from ..rules.pages import page
from ..rules.registry import RULES
from .redact import Redactor

_LEVELS = {"fail": "error", "warn": "warning", "unknown": "note", "info": "note"}
_LINE = re.compile(r"(?P<path>.+?):(?P<line>\d+)$")


def sarif_report(report: Report, redactor: Redactor | None = None) -> str:
    """The document as JSON text. Places are relative to the checkout (CHECKOUT) or the project (PROJECT)."""
    redactor = redactor or Redactor.for_this_user()
    numbers = {rule.id: number for number, rule in enumerate(RULES)}
    open_rows = [(finding, None) for finding in report.findings]
    rows = [*open_rows, *((one.finding, one.by) for one in report.suppressed)]
    results = []
    for finding, by in rows:
        if finding.status in _LEVELS:
            result = _result(finding, numbers[finding.rule], report, redactor)
            if by is not None:
                reason = f"{by.reason} ({by.until})"
                result["suppressions"] = [{"kind": "external", "justification": redactor.text(reason)}]
            results.append(result)
    run = {
        "tool": {"driver": {"name": "dualano-doctor", "version": __version__, "rules": _rules()}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return json.dumps({"version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _rules() -> list[dict[str, Any]]:
    return [
        {
            "id": rule.id,
            "shortDescription": {"text": _(rule.title)},
            "help": {"text": page(rule.id, spoken()), "markdown": page(rule.id, spoken())},
        }
        for rule in RULES
    ]


def _result(finding: Finding, number: int, report: Report, redactor: Redactor) -> dict[str, Any]:
    text = "\n".join(filter(None, (finding.title, finding.detail, finding.cure)))
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": number,
        "level": _LEVELS[finding.status],
        "message": {"text": redactor.text(text)},
    }
    if places := _places(finding, report):
        result["locations"] = places
    return result


def _places(finding: Finding, report: Report) -> list[dict[str, Any]]:
    """The files that the evidence names, where they lie in the checkout or the project."""
    roots = {"CHECKOUT": report.settings.checkout, "PROJECT": report.settings.project}
    places = []
    for part in re.split(r"[;,] ", finding.evidence):
        match = _LINE.fullmatch(part.strip())
        path, line = (match["path"], int(match["line"])) if match else (part.strip(), 0)
        for base, root in roots.items():
            if root is not None and (inside := _inside(path, root)):
                place: dict[str, Any] = {"artifactLocation": {"uri": inside, "uriBaseId": base}}
                if line:
                    place["region"] = {"startLine": line}
                places.append({"physicalLocation": place})
                break
    return places


def _inside(path: str, root: Path) -> str:
    """The path relative to `root` with slashes, percent-encoded; "" when no such file lies there."""
    from urllib.parse import quote

    try:
        relative = Path(path).relative_to(root) if Path(path).is_absolute() else Path(path)
        if not path or ".." in relative.parts or not (root / relative).is_file():
            return ""
    except (OSError, ValueError):
        return ""
    return quote(str(PurePosixPath(*relative.parts)))
