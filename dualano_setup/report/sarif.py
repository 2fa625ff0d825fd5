"""`check --sarif`: the report as SARIF 2.1.0, which code scanning services read."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from .. import __version__
from ..check import Report
from ..language import _, spoken
from ..rules.finding import Finding
from ..rules.pages import page
from ..rules.registry import RULES
from ..settings.options import SETTINGS_FILE
from ..text.json_text import json_text
from ..text.redact import Redactor

_LEVELS = {"fail": "error", "warn": "warning", "unknown": "note", "info": "note"}
_ABOUT_PACKAGES = ("PKG", "PY", "REQ")
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
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
    return json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


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
    result["locations"] = _places(finding, report) or [_stand_in(finding, report)]
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
                places.append(_place(inside, base, line))
                break
    return places


def _place(uri: str, base: str, line: int = 0) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": uri, "uriBaseId": base}}
    if line:
        place["region"] = {"startLine": line}
    return {"physicalLocation": place}


def _stand_in(finding: Finding, report: Report) -> dict[str, Any]:
    """The place of a finding that is about no file of the project: a driver, a package, a file elsewhere.

    GitHub's code scanning refuses the whole document when one result has no location
    (github/codeql-action#1738), although SARIF allows it. So each is put where a reader would act on it: what is
    about packages at the checkout's requirements, anything else at dualano.toml, which holds the settings and the
    suppressions; the other of the two where only that one is there. With neither, dualano.toml is named all the
    same: it is the file that `init` writes.
    """
    files = [
        (report.settings.checkout, "CHECKOUT", "requirements.txt"),
        (report.settings.project, "PROJECT", SETTINGS_FILE),
    ]
    if not finding.rule.startswith(_ABOUT_PACKAGES):
        files.reverse()
    for root, base, name in files:
        if root is not None and (inside := _inside(name, root)):
            return _place(inside, base, 1)
    return _place(SETTINGS_FILE, "PROJECT", 1)


def _inside(path: str, root: Path) -> str:
    """The path relative to `root` with slashes, percent-encoded; "" when no such file lies there."""
    from urllib.parse import quote

    try:
        relative = Path(path).relative_to(root) if Path(path).is_absolute() else Path(path)
        if not path or ".." in relative.parts or not (root / relative).is_file():
            return ""
    except (OSError, ValueError):
        return ""
    return quote(os.fsencode(PurePosixPath(*relative.parts)))  # bytes: a name need not be UTF-8
