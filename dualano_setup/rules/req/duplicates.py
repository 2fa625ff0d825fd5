"""REQ002: packages that stand on more than one line, and which of the lines a trusted source agrees with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ...language import _
from ..finding import Status, Verdict
from ..rule import Context, given
from ..wording import listing, shown
from .pin_completion import sources
from .pin_knowledge import families

if TYPE_CHECKING:
    from ...facts.sheet import RequirementLine, RequirementsFile


def check_twice(context: Context) -> Iterator[Verdict]:
    """REQ002: one name on two lines, or two distributions that share one import folder."""
    file = given(context.sheet.requirements)
    for name, lines in same_name(file).items():
        where = listing(_("line {number} `{text}`", number=line.number, text=line.text.strip()) for line in lines)
        if len({line.specifier for line in lines}) == 1:
            detail = _("{name} is listed {number} times, alike: {where}", name=name, number=len(lines), where=where)
            yield _twice("warn", name, detail, file)
        else:
            detail = _("{name} is listed with different versions: {where}", name=name, where=where)
            yield _twice("fail", name, detail, file, certain=choose_duplicate(context, lines) is not None)
    for family in families():
        names = sorted({line.name for line in file.lines if line.name in family.names and not line.marker})
        if len(names) > 1:
            detail = _(
                "{names} both own the folder `{folder}`; removing one breaks the other",
                names=_(" and ").join(names),
                folder=family.folder,
            )
            yield _twice("warn", family.folder, detail, file)


def _twice(status: Status, subject: str, detail: str, file: RequirementsFile, *, certain: bool = True) -> Verdict:
    """`certain`: which line may go is known."""
    cure = _("Keep one of the lines.") if certain else _("Decide which version is meant and delete the other line.")
    return Verdict(status, detail, cure=cure, evidence=shown(file.path), repairable=certain, subject=subject)


def same_name(file: RequirementsFile) -> dict[str, list[RequirementLine]]:
    """Names with more than one line under the same marker."""
    groups: dict[tuple[str, str], list[RequirementLine]] = {}
    for line in file.lines:
        if line.name and not line.error and not line.url:
            groups.setdefault((line.name, line.marker), []).append(line)
    return {name: lines for (name, __), lines in groups.items() if len(lines) > 1}


def choose_duplicate(context: Context, lines: Sequence[RequirementLine]) -> RequirementLine | None:
    """The line that a trusted source agrees with, where exactly one of contradicting lines has that."""
    for pins in sources(given(context.sheet.requirements), context.profile, {})[1:]:
        named = {spec for name, spec in pins if name == lines[0].name}
        agreeing = [line for line in lines if line.specifier in named]
        if len({line.specifier for line in agreeing}) == 1:
            return agreeing[0]
    bare = [line for line in lines if line.specifier]
    return bare[0] if len({line.specifier for line in bare}) == 1 else None
