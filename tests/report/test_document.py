"""The report in its other forms: JSON by its schema, Markdown and SARIF without what identifies anybody."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import jsonschema
import pytest

from dualano_setup.check import Report, narrowed
from dualano_setup.facts.sheet import FactSheet
from dualano_setup.report.document import report_document, schema_text
from dualano_setup.report.markdown import markdown_report
from dualano_setup.report.sarif import sarif_report
from dualano_setup.report.terminal import Style, render_report
from dualano_setup.rules.choose_profile import choose_profile
from dualano_setup.rules.finding import Finding
from dualano_setup.rules.registry import RULES
from dualano_setup.rules.suppression import sort_out
from dualano_setup.settings.options import Settings
from dualano_setup.settings.suppressions import Suppression
from dualano_setup.text.redact import Redactor

SECRETS = ("hf_abcdefghijklmnopqrstuvwx", "s3cret", "/home/ann", "gpu-box-7")
REDACTOR = Redactor(home="/home/ann", host="gpu-box-7")
SCHEMA = json.loads(schema_text())


def report_of(findings: tuple[Finding, ...], project: Path) -> Report:
    settings = Settings(project=project, checkout=project)
    sheet = FactSheet()
    choice = choose_profile(sheet, settings, trainer="bundled")
    return Report(settings, sheet, choice.profile, choice, findings, 0.1)


@pytest.fixture
def report(tmp_path: Path) -> Report:
    (tmp_path / "requirements.txt").write_text("x\n")
    rows = (
        Finding("PKG001", "fail", "token hf_abcdefghijklmnopqrstuvwx", "at https://me:s3cret@host/x", "/home/ann/x"),
        Finding("PKG011", "warn", "`a` <script>@everyone", "on gpu-box-7", caused_by="PKG001"),
        Finding("REQ001", "fail", "a line", "seen", f"{tmp_path}/requirements.txt:1; elsewhere", "cure"),
        Finding("SYS001", "ok", "fine"),
        Finding("NET001", "unknown", "no answer"),
    )
    return report_of(rows, tmp_path)


def test_nothing_that_identifies_anybody_is_left(report: Report) -> None:
    for text in (markdown_report(report, REDACTOR), sarif_report(report, REDACTOR), report_document(report, REDACTOR)):
        assert not [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("name", ["rule", "ok", "findings", "state", "root"])
def test_a_user_named_like_a_key_rewrites_no_key(name: str, report: Report) -> None:
    document = json.loads(report_document(report, Redactor(home=f"/home/{name}", host=name)))
    jsonschema.validate(document, SCHEMA)
    assert [row["rule"] for row in document["findings"]] == [finding.rule for finding in report.findings]


def test_markdown_folds_consequences_and_reads_as_text(report: Report) -> None:
    text = markdown_report(report, REDACTOR)
    lines = text.splitlines()
    cause = next(n for n, line in enumerate(lines) if line.startswith("- ✗ **PKG001**"))
    assert any(line.startswith("  - **PKG011**") for line in lines[cause:])
    assert "<script>" not in text
    assert "@everyone" not in text
    assert "SYS001" not in text


def test_sarif_names_the_place_in_the_checkout(report: Report) -> None:
    run = json.loads(sarif_report(report, REDACTOR))["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == [rule.id for rule in RULES]
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
    levels = {result["ruleId"]: result["level"] for result in run["results"]}
    assert levels == {"PKG001": "error", "PKG011": "warning", "REQ001": "error", "NET001": "note"}
    (place,) = next(result["locations"] for result in run["results"] if result["ruleId"] == "REQ001")
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "requirements.txt", "uriBaseId": "CHECKOUT"},
        "region": {"startLine": 1},
    }


def test_a_suppressed_finding_neither_blocks_nor_vanishes(report: Report) -> None:
    rows = (
        Suppression("PKG001", "the card comes back", date(2027, 1, 31)),
        Suppression("REQ001", "old", date(2020, 1, 1)),
    )
    left, suppressed, notices = sort_out(report.findings, rows, date(2026, 11, 24))
    assert [finding.rule for finding in left] == ["PKG011", "REQ001", "SYS001", "NET001"]
    assert len(notices) == 1
    changed = replace(report, findings=left, suppressed=suppressed, notices=notices)
    document = json.loads(report_document(changed, REDACTOR))
    jsonschema.validate(document, SCHEMA)
    assert [(row["rule"], row["until"]) for row in document["suppressed"]] == [("PKG001", "2027-01-31")]
    assert "the card comes back" in render_report(changed, Style(False))
    assert "the card comes back" in markdown_report(changed, REDACTOR)
    marked = [r for r in json.loads(sarif_report(changed, REDACTOR))["runs"][0]["results"] if "suppressions" in r]
    assert [result["ruleId"] for result in marked] == ["PKG001"]


def test_a_narrowed_report_says_so(report: Report) -> None:
    part = narrowed(report, frozenset(("PKG001", "REQ001")), frozenset(("REQ001",)))
    assert [finding.rule for finding in part.findings] == ["PKG001"]
    document = json.loads(report_document(part, REDACTOR))
    jsonschema.validate(document, SCHEMA)
    assert document["chosen"] == ["PKG001"]
    assert "--only" in render_report(part, Style(False))


@pytest.mark.parametrize(("fail_on", "status"), [("fail", 0), ("warn", 1)])
def test_warnings_fail_when_they_are_asked_to(fail_on: str, status: int, tmp_path: Path) -> None:
    report = report_of((Finding("ACC001", "warn", "w"),), tmp_path)
    assert replace(report, settings=replace(report.settings, fail_on=fail_on)).verdict == status
