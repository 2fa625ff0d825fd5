"""REQ: the checkout's requirements.txt."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ...facts.fact import Absent, value
from ...language import N_, _
from ..finding import Verdict, fail, skip, warn
from ..rule import Context, Rule, given
from ..wording import shown
from .duplicates import check_twice
from .indexes import check_indexes
from .pin_completion import repair_line, sources
from .pin_knowledge import mistaken
from .releases import check_files, check_refused, severity


def check_valid(context: Context) -> Iterator[Verdict]:
    """REQ001: every line that no installer takes, all at once (installers stop at the first)."""
    file = given(context.sheet.requirements)
    trusted = sources(file, context.profile, {})
    for line in file.lines:
        if not line.error:
            continue
        repaired = repair_line(line.text, trusted)
        cure = (
            _("Write {lines}.", lines=_(" and ").join(f"`{shown(line)}`" for line in repaired))
            if repaired
            else _("Correct the line by hand.")
        )
        yield fail(
            _(
                "line {number}, `{text}`: {error}",
                number=line.number,
                text=shown(line.text.strip()),
                error=shown(line.error),
            ),
            cure=cure,
            evidence=f"{shown(file.path)}:{line.number}",
            repairable=bool(repaired),
            subject=f"line {line.number}",
        )


def check_index(context: Context) -> Iterator[Verdict]:
    """REQ004: `+cuXXX` pins and the indexes that the file, or the installers' own settings, name for them."""
    file = given(context.sheet.requirements)
    for detail, cure, line in check_indexes(file, value(context.sheet.installers)):
        yield Verdict(
            severity(context), detail, cure=cure, evidence=f"{shown(file.path)}:{line}", subject=f"line {line}"
        )


def check_readable(context: Context) -> Iterator[Verdict]:
    """REQ006: no file, or one that no installer can read as text."""
    fact = context.sheet.requirements
    if isinstance(fact, Absent):
        cure = _("Nothing needs it here: `fix` installs a profile's lock.")
        yield warn(fact.reason, cure=cure) if fact.source else skip(fact.reason)
        return
    file = given(context.sheet.requirements)
    if file.problem_kind == "empty":
        yield warn(file.problem, cure=_("Take the file from the repository again."), evidence=file.path)
    elif file.problem_kind:
        cure = {
            "merge-markers": _("Keep one side of each conflict and delete the markers."),
            "encoding": _("Save the file as UTF-8, or delete the line that is not."),
        }.get(file.problem_kind, _("Take the file from the repository again."))
        yield fail(file.problem, cure=cure, evidence=shown(file.path))


def check_mistaken(context: Context) -> Iterator[Verdict]:
    """REQ007: names that belong to another project than the one meant."""
    file = given(context.sheet.requirements)
    for line in file.lines:
        for row in mistaken():
            if line.name == row.name and not line.url:
                text = N_("`{name}` is {what}, not {meant}; nothing here imports it")
                if row.needed or row.instead:
                    text = N_("`{name}` is {what}, not {meant}")
                yield warn(
                    _(text, name=row.name, what=_(row.is_), meant=row.meant),
                    cure=_("Write {meant} instead.", meant=row.instead or row.meant)
                    if row.needed or row.instead
                    else _("Delete the line."),
                    evidence=f"{shown(file.path)}:{line.number}; {row.source}",
                    repairable=bool(row.instead) or not row.needed,
                    subject=row.name,
                )


_rule = partial(Rule, needs=("requirements",), after=("REQ006",), repairable=True)
RULES = (
    _rule("REQ001", N_("a requirement is not valid"), check_valid, fine=N_("Every requirement is valid")),
    _rule("REQ002", N_("a package is listed twice"), check_twice, fine=N_("No package is listed twice")),
    _rule(
        "REQ003",
        N_("a requirement has no file for this Python or platform"),
        check_files,
        fine=N_("Every requirement has a file for this Python and platform"),
    ),
    _rule(
        "REQ004",
        N_("a CUDA build is pinned without the index that serves it"),
        check_index,
        fine=N_("Every pinned CUDA build has its index"),
    ),
    _rule(
        "REQ005",
        N_("a pinned release is one that installers refuse"),
        check_refused,
        fine=N_("Installers take every pinned release"),
    ),
    Rule(
        "REQ006",
        N_("requirements.txt is missing or not readable"),
        check_readable,
        ("requirements",),
        sees_absent=True,
        fine=N_("requirements.txt can be read"),
    ),
    _rule(
        "REQ007",
        N_("a name on the list is another project"),
        check_mistaken,
        fine=N_("Every name on the list is the project that is meant"),
    ),
)
