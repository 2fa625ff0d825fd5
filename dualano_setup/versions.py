"""Comparing names and versions without loading `packaging` for the plain ones, which are nearly all.

`packaging` costs as much to import as a whole check takes, so numeric versions and specifiers are compared here and
everything else (pre-releases, post-releases, epochs, `===`, local parts in a specifier) is left to it.
tests/test_versions.py holds the two to the same answers.
"""

from __future__ import annotations

import re

_SEPARATORS = re.compile(r"[-_.]+")
_PLAIN = re.compile(r"\d+(?:\.\d+)*")
_NOT_A_PRERELEASE = re.compile(r"\s*!=\s*\d+(?:\.\d+)*(?:a|b|rc)\d+\s*")  # true of every final release
_POST = re.compile(r"(\d+(?:\.\d+)*)\.post\d+")  # python-dateutil, xformers: too common to load a library for
_CLAUSE = re.compile(r"\s*(>=|<=|==|!=|~=|<|>)\s*(\d+(?:\.\d+)*)(\.\*)?\s*")


def normalise(name: str) -> str:
    """A distribution's name as indexes compare it: one spelling for every spelling (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()


def numbers(version: str) -> tuple[int, ...]:
    """The leading release numbers: "2.2.0+cu118" gives (2, 2, 0), "535.183.01" gives (535, 183, 1).

    Raises ValueError when the text does not begin with a number.
    """
    match = _PLAIN.match(version.strip())
    if match is None:
        raise ValueError(f"{version!r} does not begin with a version number")
    return tuple(int(part) for part in match.group().split("."))


def minor(version: str) -> str:
    """The first two numbers: "3.10.13" gives "3.10"."""
    return ".".join(str(number) for number in numbers(version)[:2])


def local(version: str) -> str:
    """The local part: "2.2.0+cu118" gives "cu118"; empty where there is none."""
    return version.partition("+")[2]


def satisfies(version: str, specifier: str) -> bool:
    """Whether the version lies in the PEP 440 specifier set; installed pre-releases count, as `pip check` counts them.

    Raises ValueError for a version or specifier that PEP 440 does not know.
    """
    public = version.partition("+")[0]
    post = _POST.fullmatch(public)
    if post:
        public = post[1]
    elif not _PLAIN.fullmatch(public):
        return _packaging_satisfies(version, specifier)
    answer = True
    for clause in specifier.split(","):
        if not clause.strip() or _NOT_A_PRERELEASE.fullmatch(clause):
            continue
        match = _CLAUSE.fullmatch(clause)
        if match is None or (match[3] and match[1] not in ("==", "!=")):
            return _packaging_satisfies(version, specifier)
        have, operator, want = numbers(public), match[1], numbers(match[2])
        if operator == "~=":
            if len(want) < 2:
                return _packaging_satisfies(version, specifier)
            answer = (
                answer and _holds(have, ">=", want, wildcard=False) and _holds(have, "==", want[:-1], wildcard=True)
            )
        else:
            answer = answer and _holds(have, operator, want, wildcard=bool(match[3]), post=bool(post))
    return answer


def _holds(have: tuple[int, ...], operator: str, want: tuple[int, ...], *, wildcard: bool, post: bool = False) -> bool:
    length = len(want) if wildcard else max(len(have), len(want))
    left = (have + (0,) * length)[:length]
    right = (want + (0,) * length)[:length]
    if post and left == right and not wildcard:
        return operator in (">=", "!=")  # after the release, and PEP 440 keeps it out of `> release`
    return {
        "==": left == right,
        "!=": left != right,
        ">=": left >= right,
        "<=": left <= right,
        ">": left > right,
        "<": left < right,
    }[operator]


def _packaging_satisfies(version: str, specifier: str) -> bool:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    return SpecifierSet(specifier).contains(Version(version), prereleases=True)
