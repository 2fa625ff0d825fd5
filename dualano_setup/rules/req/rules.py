"""Rules about the checkout's requirements.txt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from ...facts.fact import Absent, Known
from ...language import N_, _
from ..finding import Finding
from ..rule import Context, Rule, fail, warn
from ..wording import listing, shown, skip
from .indexes import check_indexes
from .pin_completion import repair_line, sources
from .pin_knowledge import Wheels, families, is_built_elsewhere, mistaken, refused, wheels

if TYPE_CHECKING:
    from ...facts.sheet import RequirementLine, RequirementsFile

INVALID, TWICE, NO_FILE, INDEX, REFUSED, UNREADABLE, MISTAKEN = (
    N_("a requirement is not valid"),
    N_("a package is listed twice"),
    N_("a pin has no file for this Python"),
    N_("a CUDA build is pinned without the index that serves it"),
    N_("a pinned release is one that installers refuse"),
    N_("requirements.txt is missing or not readable"),
    N_("a name on the list is another project"),
)


def check_valid(context: Context) -> Iterator[Finding]:
    """REQ001: every line that no installer takes, all at once (installers stop at the first)."""
    file = _file(context)
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
            "REQ001",
            _(INVALID),
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


def check_twice(context: Context) -> Iterator[Finding]:
    """REQ002: one name on two lines, or two distributions that share one import folder."""
    file = _file(context)
    for name, lines in same_name(file).items():
        specifiers = {line.specifier for line in lines}
        where = listing(_("line {number} `{text}`", number=line.number, text=line.text.strip()) for line in lines)
        if len(specifiers) == 1:
            yield _twice(
                warn,
                name,
                _(
                    "{name} is listed {number} times, alike: {where}",
                    name=name,
                    number=len(lines),
                    where=where,
                ),
                True,
                file,
            )
        else:
            chosen = choose_duplicate(context, lines)
            yield _twice(
                fail,
                name,
                _("{name} is listed with different versions: {where}", name=name, where=where),
                chosen is not None,
                file,
            )
    for family in families():
        there = [line for line in file.lines if line.name in family.names and not line.marker]
        if len({line.name for line in there}) > 1:
            names = sorted({line.name for line in there})
            detail = _(
                "{names} both own the folder `{folder}`; removing one breaks the other",
                names=_(" and ").join(names),
                folder=family.folder,
            )
            yield _twice(warn, family.folder, detail, True, file)


def check_files(context: Context) -> Iterator[Finding]:
    """REQ003: pins whose release has no file for the environment's Python, so that it would be built from source."""
    file = _file(context)
    python = target_python(context)
    for line in file.lines:
        if line.name and is_built_elsewhere(line.url):
            yield _severe(context)(
                "REQ003",
                _(NO_FILE),
                _("`{text}` names a folder of the machine that built a conda package", text=shown(line.text.strip())),
                cure=_(
                    "Write `{name}` alone; `pip list --format=freeze` writes lists without such folders.",
                    name=line.name,
                ),
                evidence=f"{shown(file.path)}:{line.number}",
                repairable=True,
                subject=line.name,
            )
        row = known_release(context, line)
        if row is None or has_file(row, python) or line.marker:
            continue
        version = line.specifier[2:]
        yield _severe(context)(
            "REQ003",
            _(NO_FILE),
            _(
                N_("{name} {version} has no file for Python {python}")
                if not row.sdist
                else N_(
                    "{name} {version} has no file for Python {python}; it would be built from source, which fails or "
                    "takes very long"
                ),
                name=line.name,
                version=version,
                python=python,
            ),
            cure=_(
                "Use Python {python}, or a release that has one.",
                python=context.profile.python_preferred,
            ),
            evidence=f"{shown(file.path)}:{line.number}; {row.source}",
            repairable=replacement(context, line) is not None,
            subject=line.name,
        )


def check_index(context: Context) -> Iterator[Finding]:
    """REQ004: `+cuXXX` pins and the indexes that the file, or the installers' own settings, name for them."""
    file = _file(context)
    installers = context.sheet.installers.value if isinstance(context.sheet.installers, Known) else None
    for detail, cure, line in check_indexes(file, installers):
        yield _severe(context)(
            "REQ004",
            _(INDEX),
            detail,
            cure=cure,
            evidence=f"{shown(file.path)}:{line}",
            repairable=True,
            subject=f"line {line}",
        )


def check_refused(context: Context) -> Iterator[Finding]:
    """REQ005: releases whose metadata or build today's installers do not take."""
    file = _file(context)
    for line in file.lines:
        for row in refused():
            if line.name != row.name or not _pinned_in(line, row.versions):
                continue
            if row.python and not _within(target_python(context), row.python):
                continue
            cure = (
                _("Write `{name}=={instead}`.", name=row.name, instead=row.instead)
                if row.instead
                else _("Drop the pin.")
            )
            yield _severe(context)(
                "REQ005",
                _(REFUSED),
                f"`{shown(line.text.strip())}`: {_(row.because)}",
                cure=cure,
                evidence=f"{shown(file.path)}:{line.number}; {row.source}",
                repairable=True,
                subject=line.name,
            )


def check_readable(context: Context) -> Iterator[Finding]:
    """REQ006: no file, or one that no installer can read as text."""
    fact = context.sheet.requirements
    if isinstance(fact, Absent):
        if not fact.source:
            yield skip("REQ006", _(UNREADABLE), fact.reason)
            return
        yield warn(
            "REQ006", _(UNREADABLE), fact.reason, cure=_("Nothing needs it here: `fix` installs a profile's lock.")
        )
        return
    file = _file(context)
    if file.problem_kind == "empty":
        yield warn(
            "REQ006",
            _(UNREADABLE),
            file.problem,
            cure=_("Take the file from the repository again."),
            evidence=file.path,
        )
    elif file.problem_kind:
        cure = {
            "merge-markers": _("Keep one side of each conflict and delete the markers."),
            "encoding": _("Save the file as UTF-8, or delete the line that is not."),
        }.get(file.problem_kind, _("Take the file from the repository again."))
        yield fail("REQ006", _(UNREADABLE), file.problem, cure=cure, evidence=shown(file.path))


def check_mistaken(context: Context) -> Iterator[Finding]:
    """REQ007: names that belong to another project than the one meant."""
    file = _file(context)
    for line in file.lines:
        for row in mistaken():
            if line.name == row.name and not line.url:
                text = N_("`{name}` is {what}, not {meant}; nothing here imports it")
                if row.needed or row.instead:
                    text = N_("`{name}` is {what}, not {meant}")
                yield warn(
                    "REQ007",
                    _(MISTAKEN),
                    _(
                        text,
                        name=row.name,
                        what=_(row.is_),
                        meant=row.meant,
                    ),
                    cure=_("Write {meant} instead.", meant=row.instead or row.meant)
                    if row.needed or row.instead
                    else _("Delete the line."),
                    evidence=f"{shown(file.path)}:{line.number}; {row.source}",
                    repairable=bool(row.instead) or not row.needed,
                    subject=row.name,
                )


def same_name(file: RequirementsFile) -> dict[str, list[RequirementLine]]:
    """Names with more than one line under the same marker."""
    groups: dict[tuple[str, str], list[RequirementLine]] = {}
    for line in file.lines:
        if line.name and not line.error and not line.url:
            groups.setdefault((line.name, line.marker), []).append(line)
    return {name: lines for (name, __), lines in groups.items() if len(lines) > 1}


def choose_duplicate(context: Context, lines: Sequence[RequirementLine]) -> RequirementLine | None:
    """The line that a trusted source agrees with, where exactly one of contradicting lines has that."""
    for pins in sources(_file(context), context.profile, {})[1:]:
        named = {spec for name, spec in pins if name == lines[0].name}
        agreeing = [line for line in lines if line.specifier in named]
        if len({line.specifier for line in agreeing}) == 1:
            return agreeing[0]
    bare = [line for line in lines if line.specifier]
    return bare[0] if len({line.specifier for line in bare}) == 1 else None


def target_python(context: Context) -> str:
    """The Python that would install the file: the environment's, else the one the profile prefers."""
    fact = context.sheet.environment
    found = fact.value.python if isinstance(fact, Known) else None
    return ".".join((found or context.profile.python_preferred).split(".")[:2])


def known_release(context: Context, line: RequirementLine) -> Wheels | None:
    """The file list of a pinned release, where it is known for this machine."""
    if not line.specifier.startswith("==") or line.error or "," in line.specifier:
        return None
    machine = context.sheet.machine
    architecture = machine.value.architecture if isinstance(machine, Known) else "x86_64"
    version = line.specifier[2:].partition("+")[0]
    return next((row for row in wheels(architecture) if (row.name, row.version) == (line.name, version)), None)


def has_file(row: Wheels, python: str) -> bool:
    """Whether an installer finds a wheel of that release for CPython `python` ("3.12")."""
    if row.requires_python and not _within(python, row.requires_python):
        return False
    minor = int(python.split(".")[1])
    return any(_takes(tag, minor) for tag in row.tags) or (not row.tags and row.sdist)


def replacement(context: Context, line: RequirementLine) -> str | None:
    """The release that the profile has of it, where that one has a file."""
    version = context.profile.packages.get(line.name) or context.profile.optional.get(line.name)
    if version is None or f"=={version}" == line.specifier:
        return None
    python = target_python(context)
    rows = [row for row in wheels("x86_64") if (row.name, row.version) == (line.name, version)]
    return version if all(has_file(row, python) for row in rows) else None


def _takes(tag: str, minor: int) -> bool:
    if tag.endswith("-abi3"):
        return minor >= int(tag[3 : tag.index("-")])
    return tag in (f"cp3{minor}", f"cp3{minor}m", "py3", "py2.py3")


def _pinned_in(line: RequirementLine, versions: str) -> bool:
    return line.specifier.startswith("==") and "*" not in line.specifier and _within(line.specifier[2:], versions)


def _within(version: str, specifier: str) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(specifier).contains(version, prereleases=True)


def _file(context: Context) -> RequirementsFile:
    fact = context.sheet.requirements
    assert isinstance(fact, Known)
    return fact.value


def _severe(context: Context) -> Callable[..., Finding]:
    """A file that has still to be installed blocks; beside an environment that is there it only warns."""
    return warn if isinstance(context.sheet.environment, Known) else fail


def _twice(
    judge: Callable[..., Finding], subject: str, detail: str, repairable: bool, file: RequirementsFile
) -> Finding:
    cure = _("Keep one of the lines.") if repairable else _("Decide which version is meant and delete the other line.")
    return judge(
        "REQ002", _(TWICE), detail, cure=cure, evidence=shown(file.path), repairable=repairable, subject=subject
    )


RULES = (
    Rule("REQ001", INVALID, check_valid, ("requirements",), ("REQ006",), repairable=True),
    Rule("REQ002", TWICE, check_twice, ("requirements",), ("REQ006",), repairable=True),
    Rule("REQ003", NO_FILE, check_files, ("requirements",), ("REQ006",), repairable=True),
    Rule("REQ004", INDEX, check_index, ("requirements",), ("REQ006",), repairable=True),
    Rule("REQ005", REFUSED, check_refused, ("requirements",), ("REQ006",), repairable=True),
    Rule("REQ006", UNREADABLE, check_readable, ("requirements",), sees_absent=True),
    Rule("REQ007", MISTAKEN, check_mistaken, ("requirements",), ("REQ006",), repairable=True),
)
