"""Plans the repair of requirements.txt: only the lines that a rule named, everything else byte for byte as it was."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...facts.fact import Known, value
from ...facts.project.requirements import encode, read_requirements
from ...facts.sheet import RequirementLine, RequirementsFile
from ...language import _
from ...rules.finding import Finding
from ...rules.req.duplicates import choose_duplicate, same_name
from ...rules.req.indexes import SERVED, hiding_indexes, local_builds, served_builds
from ...rules.req.pin_completion import repair_line, sources
from ...rules.req.pin_knowledge import families, is_built_elsewhere, mistaken, refused
from ...rules.req.platforms import foreign
from ...rules.req.releases import check_files, check_refused, replacement
from ...rules.rule import Context
from ..action import Planned
from ..actions.files import WriteFile

RULES = ("REQ001", "REQ002", "REQ003", "REQ004", "REQ005", "REQ007")

Index = Mapping[str, Sequence[str]]
_NAMED = re.compile(r"^\s*[\w.-]+\s*(?:\[[^\]]*\]\s*)?(?:[=<>!~]{1,3}\s*[^\s;#,]+\s*,?\s*)*")
_ROUNDS = 8
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|\Z)")


@dataclass(frozen=True, slots=True)
class Edits:
    """New lines (without their ends) by line number; an empty tuple takes the line out. `notes` say what was left."""

    lines: Mapping[int, tuple[str, ...]]
    notes: tuple[str, ...] = ()


def plan(context: Context, findings: Sequence[Finding], index: Index | None = None) -> Planned:
    """One edit of the file. `index` may give the versions that a package index has, for completing pins."""
    file = value(context.sheet.requirements)
    if file is None:
        return Planned()
    text, notes = repaired(context, {finding.rule for finding in findings}, index or {})
    if text == file.text:
        return Planned(notes=notes)
    rules = tuple(dict.fromkeys(finding.rule for finding in findings))
    write = WriteFile(
        path=Path(file.path),
        content=encode(text, file.encoding),
        before_sha256=hashlib.sha256(encode(file.text, file.encoding)).hexdigest(),
        rules=rules,
        why=_("mend the lines that {rules} named", rules=", ".join(rules)),
    )
    return Planned((write,), notes)


def repaired(context: Context, rules: Iterable[str], index: Index) -> tuple[str, tuple[str, ...]]:
    """(the file's new text, notes). The steps follow each other: a completed pin may turn out to be listed twice.

    They are gone through again while that changes anything: of two lines that were one, each may complete a third.
    """
    steps: tuple[tuple[str, Callable[[Context], Edits]], ...] = (
        ("REQ001", lambda now: _mend_invalid(now, index)),
        ("REQ002", _merge_twice),
        ("REQ007", _drop_mistaken),
        ("REQ005", _replace_refused),
        ("REQ003", _replace_without_file),
        ("REQ004", _name_indexes),
    )
    wanted = set(rules)
    wanted |= {"REQ002"} if "REQ001" in wanted else set()
    notes: list[str] = []
    for _round in range(_ROUNDS):
        before, notes = _file(context).text, []
        for rule, step in steps:
            if rule in wanted:
                edits = step(context)
                notes += edits.notes
                context = _with_text(context, apply_edits(_file(context).text, edits.lines))
        if _file(context).text == before:
            break
    return _file(context).text, tuple(notes)


def apply_edits(text: str, edits: Mapping[int, tuple[str, ...]]) -> str:
    """`text` with the numbered lines (from 1) replaced; each new line gets the end of the one it replaces."""
    if not edits:
        return text
    rows = [found[0] for found in _LINE.finditer(text) if found[0]]
    usual = "\r\n" if "\r\n" in text else "\n"
    out: list[str] = []
    for number, row in enumerate(rows, 1):
        if number not in edits:
            out.append(row)
            continue
        end = row[len(row.rstrip("\r\n")) :]
        mark = "\ufeff" if row.startswith("\ufeff") else ""
        new = edits[number]
        out.append(mark + (end or usual).join(new) + end if new else mark)
    return "".join(out)


def _mend_invalid(context: Context, index: Index) -> Edits:
    file = _file(context)
    trusted = sources(file, context.profile, index)
    lines: dict[int, tuple[str, ...]] = {}
    notes = []
    for line in file.lines:
        if not line.error:
            continue
        new = repair_line(line.text, trusted) if line.span == 1 else ()
        if new:
            lines[line.number] = new
        else:
            notes.append(
                _(
                    "requirements.txt line {number} is left as it is: more than one reading is possible",
                    number=line.number,
                )
            )
    return Edits(lines, tuple(notes))


def _merge_twice(context: Context) -> Edits:
    file = _file(context)
    lines: dict[int, tuple[str, ...]] = {}
    notes = []
    for name, rows in same_name(file).items():
        alike = len({row.specifier for row in rows}) == 1
        kept = rows[0] if alike else choose_duplicate(context, rows)
        if kept is None:
            notes.append(
                _("{name} is pinned to several versions, and nothing says which is meant; left as it is", name=name)
            )
            continue
        lines |= _without(row for row in rows if row.number != kept.number)
    for family in families():
        rows = [row for row in file.lines if row.name in family.names and not row.marker and row.number not in lines]
        if len({row.name for row in rows}) < 2:
            continue
        if any(row.name == family.keep for row in rows):
            lines |= _without(row for row in rows if row.name != family.keep)
        else:
            names = " and ".join(sorted({row.name for row in rows}))
            notes.append(
                _(
                    "{names} share the folder {folder}; which one is meant is for you to say",
                    names=names,
                    folder=family.folder,
                )
            )
    return Edits(lines, tuple(notes))


def _drop_mistaken(context: Context) -> Edits:
    instead = {row.name: row.instead for row in mistaken() if row.instead or not row.needed}
    rows = [row for row in _file(context).lines if row.name in instead and not row.url]
    lines = dict(_without(row for row in rows if not instead[row.name]))
    for row in rows:
        if instead[row.name] and row.span == 1:
            lines[row.number] = (_NAMED.sub(instead[row.name], row.text, count=1),)
    return Edits(lines)


def _replace_refused(context: Context) -> Edits:
    instead = {row.name: row.instead for row in refused()}
    subjects = {finding.subject for finding in check_refused(context)}
    rows = [row for row in _file(context).lines if row.name in subjects and row.span == 1]
    return Edits({row.number: (_repinned(row, instead[row.name]),) for row in rows})


def _replace_without_file(context: Context) -> Edits:
    subjects = {finding.subject for finding in check_files(context)}
    lines: dict[int, tuple[str, ...]] = {}
    notes = []
    for row in _file(context).lines:
        if foreign(context, row):
            lines |= _commented_out(_file(context).text, row)
            continue
        if row.name not in subjects:
            continue
        if row.name and is_built_elsewhere(row.url):
            pin = context.profile.packages.get(row.name)
            lines[row.number] = (f"{row.text.split('@')[0].strip()}{f'=={pin}' if pin else ''}",)
            continue
        version = replacement(context, row)
        if version and row.span == 1 and "+" not in row.specifier:
            lines[row.number] = (_repinned(row, version),)
        else:
            notes.append(
                _(
                    "{name}{specifier} has no file for this Python; no other version is known to fit",
                    name=row.name,
                    specifier=row.specifier,
                )
            )
    return Edits(lines, tuple(notes))


def _name_indexes(context: Context) -> Edits:
    """The pages that serve the builds, in front of the first of them; an index that hides all others goes."""
    file = _file(context)
    lines = dict(_without(hiding_indexes(file)))
    notes = []
    named = {row.value.rstrip("/") for row in file.lines if row.option == "--find-links"}
    for build, rows in local_builds(file).items():
        if build in served_builds(file) and not lines:
            continue
        strange = [row.name for row in rows if row.name not in SERVED]
        notes += [_("{name}: no index is known to serve its {build} build", name=name, build=build) for name in strange]
        pages = [f"https://download.pytorch.org/whl/{build}/{row.name}" for row in rows if row.name in SERVED]
        new = tuple(f"--find-links {page}/" for page in dict.fromkeys(pages) if page not in named)
        first = rows[0]
        if new and first.span == 1:
            lines[first.number] = (*new, first.text)
    return Edits(lines, tuple(notes))


def _without(rows: Iterable[RequirementLine]) -> dict[int, tuple[str, ...]]:
    return {number: () for row in rows for number in range(row.number, row.number + row.span)}


def _commented_out(text: str, row: RequirementLine) -> dict[int, tuple[str, ...]]:
    physical = [found[0].rstrip("\r\n").removeprefix("\ufeff") for found in _LINE.finditer(text)]
    return {number: (f"# {physical[number - 1]}",) for number in range(row.number, row.number + row.span)}


def _repinned(row: RequirementLine, version: str) -> str:
    """The line with another version, or without one; name, extras, marker and comment stay."""
    new = f"=={version}" if version else ""
    return re.sub(r"\s*={2,3}\s*[^\s;#,]+", new, row.text, count=1)


def _with_text(context: Context, text: str) -> Context:
    file = _file(context)
    again = read_requirements(file.path, encode(text, file.encoding), file.siblings)
    return replace(context, sheet=replace(context.sheet, requirements=Known(again, file.path)))


def _file(context: Context) -> RequirementsFile:
    file = value(context.sheet.requirements)
    assert file is not None
    return file
