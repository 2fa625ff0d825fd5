"""REQ003 and REQ005: whether installers take the pinned releases, for the Python that would install them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...facts.fact import Known, value
from ...language import N_, _
from ..finding import Status, Verdict
from ..rule import Context, given
from ..wording import shown
from .pin_knowledge import Wheels, is_built_elsewhere, refused, wheels
from .platforms import foreign

if TYPE_CHECKING:
    from ...facts.sheet import RequirementLine


def check_files(context: Context) -> Iterator[Verdict]:
    """REQ003: lines of another platform, and pins whose release has no file for the environment's Python."""
    file = given(context.sheet.requirements)
    python = target_python(context)
    for line in file.lines:
        stranger = foreign(context, line)
        if stranger:
            yield Verdict(
                severity(context) if stranger.stops else "warn",
                _("`{text}`: {because}", text=shown(line.text.strip()), because=stranger.because),
                cure=_("Put `# ` in front of the line, or delete it."),
                evidence=f"{shown(file.path)}:{line.number}" + (f"; {stranger.source}" if stranger.source else ""),
                subject=line.name or f"line {line.number}",
            )
            continue
        if line.name and is_built_elsewhere(line.url):
            yield Verdict(
                severity(context),
                _("`{text}` names a folder of the machine that built a conda package", text=shown(line.text.strip())),
                cure=_(
                    "Write `{name}` alone; `pip list --format=freeze` writes lists without such folders.",
                    name=line.name,
                ),
                evidence=f"{shown(file.path)}:{line.number}",
                subject=line.name,
            )
        row = known_release(context, line)
        if row is None or has_file(row, python) or line.marker:
            continue
        version = line.specifier[2:]
        yield Verdict(
            severity(context),
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
            cure=_("Use Python {python}, or a release that has one.", python=context.profile.python_preferred),
            evidence=f"{shown(file.path)}:{line.number}; {row.source}",
            repairable=replacement(context, line) is not None,
            subject=line.name,
        )


def check_refused(context: Context) -> Iterator[Verdict]:
    """REQ005: releases whose metadata or build today's installers do not take."""
    file = given(context.sheet.requirements)
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
            yield Verdict(
                severity(context),
                f"`{shown(line.text.strip())}`: {_(row.because)}",
                cure=cure,
                evidence=f"{shown(file.path)}:{line.number}; {row.source}",
                subject=line.name,
            )


def target_python(context: Context) -> str:
    """The Python that would install the file: the environment's, else the one the profile prefers."""
    seen = value(context.sheet.environment)
    return ".".join(((seen and seen.python) or context.profile.python_preferred).split(".")[:2])


def known_release(context: Context, line: RequirementLine) -> Wheels | None:
    """The file list of a pinned release, where it is known for this machine."""
    if not line.specifier.startswith("==") or line.error or "," in line.specifier:
        return None
    machine = value(context.sheet.machine)
    architecture = machine.architecture if machine else "x86_64"
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


def severity(context: Context) -> Status:
    """A file that has still to be installed blocks; beside an environment that is there it only warns."""
    return "warn" if isinstance(context.sheet.environment, Known) else "fail"
