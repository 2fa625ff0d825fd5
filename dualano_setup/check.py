"""Look and judge: the whole of `check`, and the first half of `fix`, `train` and `quickstart`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .facts.collect import collect
from .facts.fact import Known, value
from .facts.sheet import FactSheet, Installers
from .knowledge.catalogue import load_named
from .knowledge.profile import Profile
from .language import _
from .light_dataclasses import dataclass, replace
from .rules.choose_profile import Choice, choose_profile
from .rules.finding import Finding, Status
from .rules.judge import judge
from .rules.registry import RULES
from .rules.rule import Context
from .settings.options import Settings

if TYPE_CHECKING:
    from .rules.suppression import Suppressed

# Findings whose repair installs or downloads something: only then is it worth asking whether an index answers.
_NEEDS_NETWORK = ("PY", "PKG", "GPU004", "MODEL001", "MODEL002", "MODEL003")

OF_THE_CHECKOUT = ("SRC", "REQ", "DATA007")
"""Rows that concern the authors' trainer alone: the bundled one reads neither the checkout's sources nor its
requirements, and has no path arithmetic."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of one anomaly's images, and judged of them."""

    settings: Settings
    sheet: FactSheet
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """One look at the machine. `seconds` is the wall time it took.

    `findings` are those that count; what dualano.toml suppresses is in `suppressed`. `notices` are sentences about
    the project itself. `chosen` are the rules to which --only or --skip narrowed the report, None when it is whole.
    `others` are rows of the trainer that is not chosen: in `findings` a row of `skip` stands for each.
    `sheet` holds the images of one anomaly; where several are named, `looks` are those at each one's.
    """

    settings: Settings
    sheet: FactSheet
    profile: Profile
    choice: Choice
    findings: tuple[Finding, ...]
    seconds: float
    suppressed: tuple[Suppressed, ...] = ()
    notices: tuple[str, ...] = ()
    chosen: frozenset[str] | None = None
    others: tuple[Finding, ...] = ()
    looks: tuple[Look, ...] = ()

    def count(self, status: Status) -> int:
        """How many rows have that status; one that stands under a cause as grave as itself is not counted again."""
        grave = ("fail",) if status == "fail" else ("fail", "warn") if status == "warn" else ()
        causes = {finding.rule for finding in self.findings if finding.status in grave}
        return sum(finding.status == status and finding.caused_by not in causes for finding in self.findings)

    @property
    def exit_status(self) -> int:
        """0 all well (warnings allowed), 1 something blocks, 3 something needed could not be looked at."""
        if self.count("fail"):
            return 1
        return 3 if self.count("unknown") else 0

    @property
    def verdict(self) -> int:
        """`check`'s exit status: the same, except that with `fail_on = "warn"` warnings and notices give 1 as well."""
        strict = self.settings.fail_on == "warn" and (self.count("warn") or self.notices)
        return 1 if strict else self.exit_status

    def blocking(self, trainer: str) -> tuple[Finding, ...]:
        """The failing rows that concern a run of that trainer ("bundled" or "checkout")."""
        others = OF_THE_CHECKOUT if trainer == "bundled" else ()
        failing = (finding for finding in self.findings if finding.status == "fail")
        return tuple(finding for finding in failing if not finding.rule.startswith(others or ("-",)))

    def failed(self, *rules: str) -> bool:
        """Whether any of these rules has a failing row."""
        return any(finding.status == "fail" and finding.rule in rules for finding in self.findings)


def look(settings: Settings, see: Callable[[Settings], FactSheet] = collect, *, trainer: str = "bundled") -> Report:
    """Collects the facts with `see`, settles the profile (one that runs `trainer`) and judges.

    Asks the network only when a finding would be repaired through it, and never with `offline`.
    Raises UsageError for a profile that does not exist.
    """
    began = time.monotonic()
    trainer = settings.trainer or trainer
    sheet = see(settings)
    choice = choose_profile(sheet, settings, trainer=trainer)
    profile = load_named(settings.profile) if settings.profile else choice.profile
    findings = judge(Context(sheet, settings, profile), RULES)
    # Judged twice: only findings tell whether the network is worth asking; its answer is judged like any other fact.
    asked = isinstance(sheet.network, Known)
    if not settings.offline and not asked and any(_would_download(finding) for finding in findings):
        from .facts.machine import network

        installers = value(sheet.installers) or Installers()
        sheet = replace(sheet, network=network.probe(settings, profile, installers))
        findings = judge(Context(sheet, settings, profile), RULES)
    looks: tuple[Look, ...] = ()
    if settings.anomalies:
        looks = _each_look(settings, sheet, profile, findings)
        findings = _with_others(findings, looks[1:])
    suppressed: tuple[Suppressed, ...] = ()
    notices: tuple[str, ...] = ()
    if settings.suppress:
        from datetime import date

        from .rules.suppression import sort_out

        findings, suppressed, notices = sort_out(findings, settings.suppress, date.today())
    notices += _unfinished(settings)
    findings, others = _for_the_chosen(findings, settings.trainer)
    seconds = time.monotonic() - began
    return Report(settings, sheet, profile, choice, findings, seconds, suppressed, notices, others=others, looks=looks)


def _for_the_chosen(
    findings: tuple[Finding, ...], trainer: str | None
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """(rows for the trainer that the settings choose, the others). Where none is chosen, all rows count."""
    mine: dict[Finding, None] = {}
    others: list[Finding] = []
    for row in findings:
        if trainer == "bundled" and row.rule.startswith(OF_THE_CHECKOUT) and row.status not in ("ok", "skip"):
            others.append(row)
            detail = _("concerns the authors' trainer alone, which is not chosen")
            row = Finding(row.rule, "skip", row.title, detail)
        mine[row] = None
    return tuple(mine), tuple(others)


def _each_look(
    settings: Settings, sheet: FactSheet, profile: Profile, findings: tuple[Finding, ...]
) -> tuple[Look, ...]:
    """The looks at the images of every anomaly, the first of which `sheet` and `findings` hold."""
    from .facts.project import contents, dataset

    rules = [rule for rule in RULES if rule.id.startswith("DATA")]
    first, *others = settings.each()
    looks = [Look(first, sheet, tuple(finding for finding in findings if finding.rule.startswith("DATA")))]
    for own in others:
        images = dataset.probe(own)
        sheet = replace(sheet, dataset=images, contents=contents.probe(own, images, sheet.environment))
        looks.append(Look(own, sheet, judge(Context(sheet, own, profile), rules)))
    return tuple(looks)


def _with_others(findings: tuple[Finding, ...], others: tuple[Look, ...]) -> tuple[Finding, ...]:
    """The first anomaly's findings, and what is wrong with the others' images beside them, in the rules' order."""
    bad = ("fail", "warn", "unknown")
    more = {finding: None for other in others for finding in other.findings if finding.status in bad}
    told = [finding for finding in more if finding not in findings]
    rows: list[Finding] = []
    for rule in dict.fromkeys(finding.rule for finding in findings):
        own = [finding for finding in findings if finding.rule == rule]
        further = [finding for finding in told if finding.rule == rule]
        rows += [finding for finding in own if finding.status in bad or not further] + further
    return tuple(rows)


def narrowed(report: Report, only: frozenset[str], skip: frozenset[str]) -> Report:
    """The report on the rules `only` (all of them where it is empty) without those in `skip`."""
    chosen = (only or frozenset(rule.id for rule in RULES)) - skip
    return replace(
        report,
        findings=tuple(finding for finding in report.findings if finding.rule in chosen),
        suppressed=tuple(one for one in report.suppressed if one.finding.rule in chosen),
        others=tuple(finding for finding in report.others if finding.rule in chosen),
        chosen=chosen,
    )


def _unfinished(settings: Settings) -> tuple[str, ...]:
    """A sentence on each fix that a crash left open, or whose journal cannot be read."""
    try:
        if not (settings.state / "fixes").is_dir():
            return ()
        from .facts.fixes import unreadable, unsettled

        cut_off = tuple(
            _("fix {name} was cut short or is running; the next `dualano-doctor fix` or `undo` settles it", name=name)
            for name in unsettled(settings.project)
        )
        return (*cut_off, *unreadable(settings.project))
    except OSError as error:
        from .system.files import plain_error

        return (_("whether a fix was cut short cannot be seen: {error}", error=plain_error(error)),)


def _would_download(finding: Finding) -> bool:
    return finding.status == "fail" and finding.repairable and finding.rule.startswith(_NEEDS_NETWORK)
