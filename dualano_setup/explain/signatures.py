"""The known failures, read from `knowledge/failures.toml` and compiled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from ahocorasick_rs import BytesAhoCorasick, Implementation

from ..language import DEFAULT, LANGUAGES
from ..system import toml

T = TypeVar("T")
Severity = Literal["fatal", "warning", "hint", "benign"]
SEVERITIES: tuple[Severity, ...] = ("fatal", "warning", "hint", "benign")
SURE = ("high", "medium", "low")
FILE = Path(__file__).parents[1] / "knowledge" / "failures.toml"
ANYTHING_FATAL = "*"
"""In `consequence_of`: the row follows from whatever fatal row is seen beside it (a launcher's lament)."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One known failure.

    `message` is a regular expression that an error's message begins with, after `ERROR:` or `SomeError:`; `line` is
    one that may stand anywhere in a line; exactly one of them is given. `contains`: literals of which a line must
    hold one before the expression is tried at all.
    """

    id: str
    severity: Severity
    rule: str  # an id of the rule book, or ""
    contains: tuple[str, ...]
    message: re.Pattern[str] | None
    line: re.Pattern[str] | None
    cause: Mapping[str, str]  # by language
    cure: Mapping[str, tuple[str, ...]]  # by language
    sure: str
    evidence: str
    versions: str
    sources: tuple[str, ...]
    date: str
    consequence_of: tuple[str, ...]
    captured: bool | None = None  # True: only inside an installer's captured output; False: never there
    general: bool = False  # a kind of failure that any program has, see general.py

    @property
    def says_little(self) -> bool:
        """Whether it is a general kind that only says that there was an error."""
        return self.general and self.sure == "low"

    def matches(self, line: str, message: str) -> bool:
        """Whether this line is the failure's. `message` is the line without what stands before an error's text."""
        if not any(literal in line for literal in self.contains):
            return False
        if self.message is not None:
            return self.message.match(message) is not None
        return self.line is not None and self.line.search(line) is not None


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All signatures, more specific ones before broader ones, and what finds all their literals in one pass."""

    signatures: tuple[Signature, ...]
    finder: BytesAhoCorasick


@cache
def load(file: Path = FILE) -> Knowledge:
    """The knowledge in a file. Raises ValueError naming the row that is not as it should be."""
    signatures = tuple(signature_of(name, row) for name, row in toml.parse(file.read_bytes()).items())
    literals = dict.fromkeys(literal.encode() for s in signatures for literal in s.contains)
    # A DFA: four times as fast as the automata that need less memory, which is no matter with a few hundred literals.
    return Knowledge(signatures, BytesAhoCorasick(list(literals), implementation=Implementation.DFA))


def signature_of(name: str, row: dict[str, Any]) -> Signature:
    """One row of a table. Raises ValueError naming it when it is not as it should be."""
    try:
        if ("message" in row) == ("line" in row):
            raise ValueError("expected either `message` or `line`")
        if row["severity"] not in SEVERITIES or row["sure"] not in SURE:
            raise ValueError(f"severity {row['severity']!r} or sure {row['sure']!r} is not a known word")
        for key in ("cause", "cure"):
            if set(row[key]) != set(LANGUAGES) or not all(row[key].values()):
                raise ValueError(f"`{key}` is not there in each of {', '.join(LANGUAGES)}")
        return Signature(
            name,
            row["severity"],
            row.get("rule", ""),
            tuple(row["contains"]),
            re.compile(row["message"]) if "message" in row else None,
            re.compile(row["line"]) if "line" in row else None,
            dict(row["cause"]),
            {language: tuple(cures) for language, cures in row["cure"].items()},
            row["sure"],
            row["evidence"],
            row["versions"],
            tuple(row["sources"]),
            str(row["date"]),
            tuple(row.get("consequence_of", ())),
            row.get("captured"),
        )
    except (KeyError, re.error, ValueError) as error:
        raise ValueError(f"{FILE.name}: [{name}]: {error}") from error


def in_language(texts: Mapping[str, T], language: str) -> T:
    """The text of a row in that language."""
    return texts.get(language, texts[DEFAULT])
