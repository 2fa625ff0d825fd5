"""The general kinds of failure, read from `knowledge/failures_general.toml`: what a line says, whatever the program."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from ..system import toml
from .signatures import Signature, signature_of

FILE = Path(__file__).parents[1] / "knowledge" / "failures_general.toml"
TIERS = ("nature", "cause", "catch-all", "wrapper")
"""How much a kind says, the most first; of several at a log's end the one that says most is named."""
LONGEST = 1500
"""Characters looked at of a line: some expressions take the square of a run of digits."""
_ONE_WORD = re.compile(r"\w+")
_COMMON: Mapping[str, Any] = {
    "severity": "fatal",
    "contains": (),
    "line": "(?!)",
    "evidence": "knowledge",
    "versions": "any",
    "sources": ("wording of the programs that say so",),
    "date": "2026-11-28",
}
_SURE = {"nature": "high", "cause": "medium", "catch-all": "low", "wrapper": "low"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of failure. A line is of it that holds a word or fits an expression, and no word that speaks against."""

    signature: Signature
    tier: int  # place in TIERS
    place: int  # in the table
    words: tuple[str, ...]
    whole: re.Pattern[str] | None  # words that must not begin inside another
    line: re.Pattern[str] | None
    unless: tuple[str, ...]
    warns: bool  # whether a warning of these words counts

    def says(self, line: str, lower: str) -> bool:
        """Whether the line is of this kind; `lower` is the line in small letters."""
        found = any(word in lower for word in self.words) or any(
            pattern.search(text) for pattern, text in ((self.whole, lower), (self.line, line)) if pattern
        )
        return found and not any(word in lower for word in self.unless)


@dataclass(frozen=True, slots=True)
class Kinds:
    """All kinds, in the order in which they are tried, and those that an exception's name tells."""

    rows: tuple[Kind, ...]
    first: Mapping[str, Kind]  # names of exceptions that say more than the words behind them
    by_exception: Mapping[str, Kind]
    uncaught: Kind
    launched: Kind

    def of(self, line: str, exception: str = "", *, warning: bool = False) -> Kind | None:
        """The kind of a line; `exception` the class it begins with. A warning must be fatal by nature."""
        lower = line[:LONGEST].lower()
        if exception in self.first and not warning:
            return self.first[exception]
        for kind in self.rows:
            if (kind.warns or not warning) and kind.says(line[:LONGEST], lower):
                return kind if kind.tier < TIERS.index("catch-all") else self.by_exception.get(exception, kind)
        return None if warning or not exception else self.by_exception.get(exception)


@cache
def load(file: Path = FILE) -> Kinds:
    """The kinds in a file. Raises ValueError naming the row that is not as it should be."""
    rows = toml.parse(file.read_bytes())
    kinds = {name: _kind(name, place, row) for place, (name, row) in enumerate(rows.items())}
    names = {name: kinds[kind] for kind, row in rows.items() for name in row.get("exceptions", ())}
    first = {name: kinds[kind] for kind, row in rows.items() if row.get("first") for name in row["exceptions"]}
    return Kinds(tuple(kinds.values()), first, names, kinds["uncaught-exception"], kinds["launched-process-failed"])


def _kind(name: str, place: int, row: dict[str, Any]) -> Kind:
    if row.get("tier") not in TIERS:
        raise ValueError(f"{FILE.name}: [{name}]: tier {row.get('tier')!r} is not one of {', '.join(TIERS)}")
    signature = signature_of(name, {**_COMMON, "sure": _SURE[row["tier"]], "cause": row["cause"], "cure": row["cure"]})
    words = [word.lower() for word in row.get("words", ())]
    whole = [word for word in words if _ONE_WORD.fullmatch(word)]
    return Kind(
        replace(signature, general=True),
        TIERS.index(row["tier"]),
        place,
        tuple(word for word in words if word not in whole),
        re.compile(rf"(?<![a-z0-9_])(?:{'|'.join(whole)})") if whole else None,
        re.compile("|".join(f"(?:{text})" for text in row["line"])) if "line" in row else None,
        tuple(word.lower() for word in row.get("unless", ())),
        row["tier"] == "nature",
    )
