"""Rules as people name them on a command line: ids and whole families, `PKG004,GPU`."""

from __future__ import annotations

import re

from ..errors import UsageError
from ..language import _
from .registry import RULES

_MOST_NEAR = 6


def chosen_rules(text: str, option: str) -> frozenset[str]:
    """The ids that `text` names, separated by commas or blanks, in any case; a family's name stands for all of it.

    Raises UsageError, naming `option` and what is near, for a name that is neither an id nor a family.
    """
    chosen: set[str] = set()
    for name in filter(None, re.split(r"[,\s]+", text.upper())):
        named = {rule.id for rule in RULES if name in (rule.id, family(rule.id))}
        if not named:
            known = ", ".join(near_ids(name)) or ", ".join(sorted({family(rule.id) for rule in RULES}))
            raise UsageError(
                _(
                    "{option}: {name} is no rule and no family of rules; near it: {known}. "
                    "`dualano-doctor rule` lists all",
                    option=option,
                    name=name,
                    known=known,
                )
            )
        chosen |= named
    return frozenset(chosen)


def family(rule: str) -> str:
    """The letters of an id: "PKG" of "PKG004"."""
    return rule.rstrip("0123456789")


def near_ids(name: str) -> list[str]:
    """Ids that somebody who wrote `name` may have meant: those spelt alike, else the family's."""
    from difflib import get_close_matches

    ids = [rule.id for rule in RULES]
    own = [id for id in ids if family(id) == family(name.upper())]
    return get_close_matches(name.upper(), ids, _MOST_NEAR, 0.7) or own[:_MOST_NEAR]
