"""What a broken requirements line must have been: pure text, and never a guess between two answers.

A version that lost its beginning (`==.7.0.72`) is completed from versions known for the package: one whose last
segments are those that are left. The sources are asked in order (the file itself, files beside it, the profile, this
project's known list, an index's list); the first that has any answer decides, and only if it has exactly one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from ...facts.project.requirement_lines import parse_line
from ...facts.sheet import RequirementsFile
from ...knowledge.profile import Profile
from ...versions import normalise
from .pin_knowledge import families, known_pins

_HEAD = r"(?P<head>\s*(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[\w\s,.-]*\])?\s*)"
_BODY = re.compile(
    _HEAD + r"(?P<op>={1,3}|~=|>=|<=)\s*(?P<version>[^\s;#,]+)(?P<rest>[^#]*)(?P<comment>(?:\s+#.*)?)", re.S
)
_GLUED = re.compile(
    r"\s*(?P<first>[A-Za-z][\w.-]*==\d+(?:\.\d+)*(?:\+\w+)?)(?P<second>[A-Za-z][\w-]*==\d+(?:\.\d+)*(?:\+\w+)?)\s*",
    re.A,
)
_TAIL = re.compile(r"(?:\.\d+)+(?:(?:a|b|rc)\d+)?(?:\+[A-Za-z0-9.]+)?")

Pins = Sequence[tuple[str, str]]


def sources(file: RequirementsFile, profile: Profile | None, index: Mapping[str, Sequence[str]]) -> tuple[Pins, ...]:
    """(name, "==version") lists in the order in which they are trusted."""
    own = [(line.name, line.specifier) for line in file.lines if line.specifier.startswith("==")]
    pinned = {**profile.optional, **profile.packages} if profile else {}
    return (
        own,
        file.siblings,
        [(name, f"=={version}") for name, version in pinned.items()],
        known_pins(),
        [(normalise(name), f"=={version}") for name, versions in index.items() for version in versions],
    )


def repair_line(text: str, trusted: Iterable[Pins]) -> tuple[str, ...]:
    """The line (or, for two glued together, lines) that `text` must have been; empty where that is not certain.

    The comment is kept, and so is the spelling of the name.
    """
    for candidate in (unicodedata.normalize("NFKC", text), text):
        whole = _single(candidate, trusted)
        if whole and _is_valid(whole):
            return (whole,)
    glued = _GLUED.fullmatch(text)
    return (glued["first"], glued["second"]) if glued else ()


def _single(text: str, trusted: Iterable[Pins]) -> str:
    if _is_valid(text):
        return text  # only its letters were full-width
    match = _BODY.fullmatch(text)
    if match is None:
        return ""
    operator = "==" if match["op"] == "=" and "=" not in match["version"] else match["op"]
    version = re.sub(r"\.{2,}", ".", match["version"]).rstrip(".")
    if version.startswith("."):
        version = _completed(normalise(match["name"]), version, trusted) if operator == "==" else ""
    if not version:
        return ""
    return f"{match['head']}{operator}{version}{match['rest']}{match['comment']}"


def _completed(name: str, tail: str, trusted: Iterable[Pins]) -> str:
    """The one known version of the package (or of its family, released alike) that ends in `tail`."""
    if not _TAIL.fullmatch(tail):
        return ""
    alike = next((family.names for family in families() if name in family.names), (name,))
    for pins in trusted:
        versions = {spec[2:] for known, spec in pins if known in alike and _ends_in(spec[2:], tail)}
        if versions:
            return versions.pop() if len(versions) == 1 else ""
    return ""


def _ends_in(version: str, tail: str) -> bool:
    """Whether `version` is `tail` with one or more whole segments before it."""
    return version.endswith(tail) and re.fullmatch(r"\d+(?:\.\d+)*", version[: -len(tail)]) is not None


def _is_valid(text: str) -> bool:
    rows = parse_line(1, text)
    return len(rows) == 1 and not rows[0].error and bool(rows[0].name)
