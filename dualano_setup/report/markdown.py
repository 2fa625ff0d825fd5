"""`check --markdown`: the report as people paste it into a forum or a ticket, redacted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import __version__
from ..facts.fact import value
from ..language import _
from ..rules.finding import Finding, Status
from ..text.printable import printable
from ..text.redact import Redactor

if TYPE_CHECKING:
    from ..check import Report

_SHOWN: tuple[tuple[Status, str], ...] = (("fail", "✗"), ("unknown", "?"), ("warn", "!"), ("info", "i"))
_PACKAGES = ("torch", "torchvision", "xformers", "diffusers", "transformers", "accelerate", "huggingface-hub", "numpy")


def markdown_report(report: Report, redactor: Redactor | None = None) -> str:
    """Versions as a table, findings as a list, consequences under their cause; every text redacted."""
    redactor = redactor or Redactor.for_this_user()
    lines = [f"### dualano-doctor {__version__}", "", "| | |", "| --- | --- |"]
    lines += [f"| {_cell(name)} | {_cell(redactor.text(value))} |" for name, value in machine_rows(report)]
    lines.append("")
    rows = [finding for finding in report.findings if finding.status in dict(_SHOWN)]
    causes = {finding.rule for finding in rows}
    for status, mark in _SHOWN:
        for finding in rows:
            if finding.status == status and finding.caused_by not in causes:
                lines += _item(finding, mark, redactor)
                lines += [f"  - {_title(row, redactor)}" for row in rows if row.caused_by == finding.rule]
    counts = ", ".join(
        f"{status} {report.count(status)}" for status in ("fail", "warn", "info", "unknown", "skip", "ok")
    )
    lines += ["", counts]
    for one in report.suppressed:
        text = redactor.text(one.by.reason)
        lines.append(
            _("{rule} is suppressed until {until}: {reason}", rule=one.by.rule, until=one.by.until, reason=text)
        )
    lines += [redactor.text(notice) for notice in report.notices]
    return printable("\n".join(lines)) + "\n"


def machine_rows(report: Report) -> list[tuple[str, str]]:
    """What the machine is, in a few rows (name, value), not redacted yet."""
    sheet = report.sheet
    rows = [(_("profile"), report.profile.name)]
    if machine := value(sheet.machine):
        rows.append((_("system"), f"{machine.distribution}, {machine.architecture}, {machine.libc}"))
        rows.append((_("RAM"), f"{machine.ram_total / 2**30:.0f} GiB"))
    if gpus := value(sheet.gpus):
        for gpu in gpus.devices:
            memory = f", {gpu.memory_total / 2**30:.0f} GiB" if gpu.memory_total else ""
            rows.append((f"GPU {gpu.index}", f"{gpu.name}{memory}"))
        if gpus.driver:
            rows.append((_("driver"), gpus.driver))
    if environment := value(sheet.environment):
        rows.append(("Python", f"{environment.python} ({environment.kind})"))
        for name in _PACKAGES:
            found = environment.find(name)
            build = getattr(environment, name, None)
            rows.append((name, getattr(build, "version", "") or (found.version if found else "-")))
    return rows


def _item(finding: Finding, mark: str, redactor: Redactor) -> list[str]:
    lines = [f"- {mark} {_title(finding, redactor)}"]
    lines += [f"  {_flat(redactor.text(text))}" for text in (finding.detail, finding.cure) if text]
    return lines


def _title(finding: Finding, redactor: Redactor) -> str:
    return f"**{finding.rule}** {_flat(redactor.text(finding.title))}"


def _flat(text: str) -> str:
    """One line that Markdown reads as text: nothing from outside becomes a heading, a mention or HTML."""
    plain = " ".join("".join(c if c.isprintable() or c.isspace() else "?" for c in text).split())
    return plain.replace("\\", "\\\\").replace("<", "&lt;").replace("@", "&#64;")


def _cell(text: str) -> str:
    return _flat(text).replace("|", "\\|")
