"""The report for a person at a terminal.

Written without rich on purpose: importing it costs about 60 ms, more than a third of the whole check's budget.
"""

from __future__ import annotations

import os
import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from ..language import N_, _
from ..light_dataclasses import dataclass
from ..rules.finding import Finding, Status
from ..text.width import text_columns, wrap

if TYPE_CHECKING:
    from ..check import Report
from ..text.printable import printable

_MARKS: dict[Status, tuple[str, str]] = {
    "fail": ("✗", "31;1"),
    "warn": ("!", "33;1"),
    "unknown": ("?", "35;1"),
    "info": ("i", "36"),
    "ok": ("✓", "32"),
    "skip": ("-", "2"),
}


_MANY = 3  # cures of one kind that are still worth reading one by one


@dataclass(frozen=True, slots=True)
class Style:
    """Whether to colour. Meaning never depends on it."""

    color: bool

    @classmethod
    def for_stream(cls, wanted: str, stream: TextIO) -> Style:
        """`always` and `never` are obeyed; `auto` colours a terminal unless NO_COLOR is set or TERM is dumb."""
        if wanted != "auto":
            return cls(wanted == "always")
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return cls(stream.isatty() and not plain)

    def paint(self, text: str, code: str) -> str:
        """The text in that SGR code, when colouring."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.color else text


def render_report(report: Report, style: Style, verbosity: int = 0) -> str:
    """The whole report. Verbosity -1: only what blocks; 0: what needs a look; 1: also what is fine; 2: all evidence."""
    shown: tuple[Status, ...] = ("fail",)
    if verbosity >= 0:
        shown += ("unknown", "warn", "info")
    if verbosity >= 1:
        shown += ("ok", "skip")
    waiting = Counter(f.caused_by for f in report.findings if f.status == "skip" and f.caused_by)
    rows = sorted((f for f in report.findings if f.status in shown), key=lambda f: shown.index(f.status))
    causes = {f.rule for f in rows}
    folded = verbosity < 1
    blocks = []
    for group in _groups([f for f in rows if not (folded and f.caused_by in causes)], folded):
        rule = group[0].rule
        blocks.append(_block(group, style, verbosity, waiting.pop(rule, 0)))
        if folded:
            consequences = [f for f in rows if f.caused_by == rule]
            blocks += [textwrap.indent(_line(f, style), "    ↳ ") for f in consequences]
            causes.discard(rule)
    if verbosity >= 0:
        blocks.append(_summary(report, style))
        blocks += [f"{printable(line)}\n" for line in _remarks(report)]
    return "".join(blocks)


def _groups(rows: Sequence[Finding], folded: bool) -> list[list[Finding]]:
    """Rows of one rule that say the same of several subjects, as one group where folding is wanted."""
    groups: list[list[Finding]] = []
    for row in rows:
        last = groups[-1][0] if groups else None
        if folded and last and (last.rule, last.status, last.title) == (row.rule, row.status, row.title):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _line(finding: Finding, style: Style) -> str:
    mark, code = _MARKS[finding.status]
    return f"{style.paint(mark, code)} {style.paint(finding.rule, '1')}  {printable(finding.title)}\n"


def _block(group: Sequence[Finding], style: Style, verbosity: int, waiting: int) -> str:
    finding = group[0]
    text = _line(finding, style)
    if finding.status in ("ok", "skip"):
        return text if verbosity < 2 or not finding.detail else text + _indent(finding.detail)
    details = dict.fromkeys(f.detail for f in group if f.detail)
    text += "".join(_indent(f"- {detail}" if len(details) > 1 else detail) for detail in details)
    if finding.evidence and verbosity >= 1:
        text += _indent(_("seen in: {evidence}", evidence=finding.evidence))
    cures = dict.fromkeys(f.cure for f in group if f.cure)
    if len(cures) > _MANY:
        label = _("fix repairs these. By hand: ") if finding.repairable else _("to do: ")
        text += _indent(
            style.paint(label, "2") + _("see `dualano-doctor rule {rule}` and `check -v`", rule=finding.rule)
        )
    elif cures:
        label = _("fix repairs this. By hand: ") if finding.repairable else _("to do: ")
        text += "".join(_indent(style.paint(label, "2") + cure) for cure in cures)
    if waiting:
        text += _indent(
            _(
                N_("{waiting} further checks can only be made after this")
                if waiting > 1
                else N_("1 further check can only be made after this"),
                waiting=waiting,
            )
        )
    return text + "\n"


def _indent(text: str) -> str:
    lines: list[str] = []
    for line in text.splitlines():
        # Commands and paths must survive copying: nothing is broken inside a word.
        lines += wrap(_keep_paint(line), text_columns()) or [""]
    return "".join(f"    {line}\n" for line in lines)


def _keep_paint(line: str) -> str:
    return "\x1b".join(printable(part) for part in line.split("\x1b"))


def _remarks(report: Report) -> list[str]:
    """What the findings do not show: suppressions, what else there is to know, and that this is a part."""
    lines = [
        _(
            "suppressed until {until}: {rule} {title} ({reason})",
            until=by.until,
            rule=row.rule,
            title=row.title,
            reason=by.reason,
        )
        for row, by in report.suppressed
    ]
    if report.chosen is not None:
        lines.append(_("only {number} rules were reported (--only, --skip)", number=len(report.chosen)))
    return [*lines, *_of_the_other_trainer(report), *report.notices]


def _of_the_other_trainer(report: Report) -> list[str]:
    """The line that stands for the trainer that is not chosen, or that says how to choose one."""
    from ..check import OF_THE_CHECKOUT

    if report.others:
        count = Counter(row.status for row in report.others)
        return [
            _(
                "the authors' trainer is not chosen; of its rows {blocking} would block and {warnings} would warn "
                "(--trainer checkout shows them)",
                blocking=count["fail"],
                warnings=count["warn"],
            )
        ]
    wrong = [row for row in report.findings if row.status in ("fail", "warn") and row.rule.startswith(OF_THE_CHECKOUT)]
    if report.settings.trainer or report.chosen is not None or not wrong:
        return []
    return [
        _(
            "{number} of these rows concern the authors' trainer alone, and `train` starts the bundled one; "
            "`--trainer bundled`, or `trainer` in dualano.toml, leaves one line of them",
            number=len(wrong),
        )
    ]


def _summary(report: Report, style: Style) -> str:
    words = {
        "fail": _("blocking"),
        "warn": _("warnings"),
        "unknown": _("could not be looked at"),
        "ok": _("fine"),
        "skip": _("not judged"),
    }
    parts = [f"{report.count(s)} {word}" for s, word in words.items() if report.count(s) or s == "fail"]  # type: ignore[arg-type]
    line = _(
        "{parts} (profile {profile}, {seconds:.0f} ms)\n",
        parts=_(", ").join(parts),
        profile=report.profile.name,
        seconds=report.seconds * 1000,
    )
    if not report.count("fail"):
        # A narrowed report has not looked at everything that a training needs.
        is_ready = report.exit_status == 0 and report.chosen is None
        return style.paint(_("Ready to train. "), "32;1") + line if is_ready else line
    repairable = sum(f.status == "fail" and f.repairable for f in report.findings)
    hint = (
        _("`dualano-doctor fix` repairs {repairable} of them; it shows its plan first.\n", repairable=repairable)
        if repairable
        else ""
    )
    return line + hint + _("`dualano-doctor rule ID` explains one.\n")
