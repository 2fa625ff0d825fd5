"""Whether installed requirements contradict each other: what `pip check` would say, for another Python's environment.

Requires-Dist lines are judged with the markers of the environment's own Python and with the extras that other
installed distributions ask for. `packaging` is loaded only for lines that the short way cannot decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ...facts.sheet import Distribution
from ...language import _
from ...light_dataclasses import dataclass
from ...versions import minor, normalise, satisfies

_LINE = re.compile(
    r"\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[(?P<extras>[^\]]*)\])?\s*(?P<rest>[^;]*?)\s*(?:;\s*(?P<marker>.*))?"
)
_COMPARISON = re.compile(
    r"\s*(?P<left>[a-z_.]+)\s*(?P<operator>==|!=|<=|>=|<|>)\s*(?P<quote>['\"])(?P<value>[^'\"]*)(?P=quote)\s*"
)
_VERSIONS = ("python_version", "python_full_version", "implementation_version")


@dataclass(frozen=True, slots=True)
class Need:
    """One Requires-Dist line taken apart. `specifier` is empty for any version and for a URL."""

    name: str
    extras: tuple[str, ...]
    specifier: str
    marker: str


@dataclass(frozen=True, slots=True)
class Contradiction:
    """An installed distribution's need that the environment does not meet. `have` is None when it is missing."""

    distribution: Distribution
    need: Need
    have: str | None


def parse(line: str) -> Need:
    """Takes a Requires-Dist line apart. Raises ValueError when it is none."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(_("not a requirement: {line!r}", line=line))
    specifier = match["rest"].strip()
    if specifier.startswith("("):
        specifier = specifier.strip("()")
    if specifier.startswith("@"):
        specifier = ""
    extras = tuple(normalise(extra.strip()) for extra in (match["extras"] or "").split(",") if extra.strip())
    return Need(normalise(match["name"]), extras, specifier.strip(), (match["marker"] or "").strip())


def contradictions(
    distributions: tuple[Distribution, ...], python: str | None, machine: str = "x86_64"
) -> Iterator[Contradiction]:
    """Every unmet need. `python` is the environment's ("3.10.13"); without it, markers about it count as met."""
    installed = {distribution.name: distribution for distribution in distributions}
    markers = marker_values(python, machine)
    wanted_extras = _wanted_extras(distributions, markers)
    for distribution in distributions:
        extras = wanted_extras.get(distribution.name, frozenset())
        for line in distribution.requires:
            need = _relevant(line, extras, markers, installed)
            if need is not None:
                have = installed.get(need.name)
                yield Contradiction(distribution, need, have.version if have else None)


def _relevant(
    line: str, extras: frozenset[str], markers: Mapping[str, str], installed: Mapping[str, Distribution]
) -> Need | None:
    """The need of that line when it is unmet and its marker holds, else None. The cheap questions come first."""
    if not extras and "extra" in line and " or " not in line.partition(";")[2]:
        return None
    try:
        need = parse(line)
        have = installed.get(need.name)
        if have is not None and (not need.specifier or satisfies(have.version, need.specifier)):
            return None
    except ValueError:  # a line that PEP 508 does not know binds nobody: installers skip it too
        return None
    return need if marker_holds(need.marker, markers, extras) else None


def _wanted_extras(distributions: tuple[Distribution, ...], markers: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """The extras that installed distributions ask of each other, through unconditional or holding lines."""
    wanted: dict[str, frozenset[str]] = {}
    for distribution in distributions:
        for line in distribution.requires:
            if "[" not in line.partition(";")[0]:
                continue
            try:
                need = parse(line)
            except ValueError:
                continue
            if need.extras and marker_holds(need.marker, markers, frozenset()):
                wanted[need.name] = wanted.get(need.name, frozenset()) | set(need.extras)
    return wanted


def marker_values(python: str | None, machine: str = "x86_64") -> dict[str, str]:
    """PEP 508's marker variables for a Linux CPython of that version."""
    python = python or "3.10.0"
    return {
        "python_version": minor(python),
        "python_full_version": python,
        "implementation_version": python,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": machine,
        "platform_release": "",
        "platform_version": "",
        "os_name": "posix",
    }


def marker_holds(marker: str, values: Mapping[str, str], extras: frozenset[str] = frozenset()) -> bool:
    """Whether the marker holds, with any of these extras asked for, or with none. Unreadable markers do not hold."""
    if not marker:
        return True
    return any(_holds(marker, {**values, "extra": extra}) for extra in (extras | {""}))


def _holds(marker: str, values: Mapping[str, str]) -> bool:
    terms = [_without_brackets(term) for term in re.split(r"\sor\s", marker)]
    answers = [[_compare(_without_brackets(part), values) for part in re.split(r"\sand\s", term)] for term in terms]
    if all(answer is not None for term in answers for answer in term):
        return any(all(term) for term in answers)
    from packaging.markers import InvalidMarker, Marker, UndefinedComparison

    try:
        return Marker(marker).evaluate(dict(values))
    except (InvalidMarker, UndefinedComparison):
        return False


def _without_brackets(term: str) -> str:
    """One pair around a whole part means nothing; any other bracket stays, and no comparison matches it."""
    term = term.strip()
    return term[1:-1] if term.startswith("(") and term.endswith(")") and term.count("(") == 1 else term


def _compare(text: str, values: Mapping[str, str]) -> bool | None:
    """One comparison of the plain sort; None when it is of another sort."""
    match = _COMPARISON.fullmatch(text)
    if match is None or match["left"] not in values:
        return None
    have, want = values[match["left"]], match["value"]
    if match["left"] in _VERSIONS:
        try:
            return satisfies(have, match["operator"] + want)
        except ValueError:
            return None
    if match["operator"] not in ("==", "!="):
        return None
    if match["left"] == "extra":
        want = normalise(want)
    return (have == want) == (match["operator"] == "==")
