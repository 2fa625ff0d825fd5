"""Which two packages an import error is about: the one that asks and the one that does not have it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_PLACE = re.compile(r'File ".*?(?:site|dist)-packages[/\\]([\w-]+)')
_ASKED = re.compile(
    r"cannot import name '[^']+' from (?:partially initialized module )?'(\w+)"
    r"|No module named '(\w+)\.|module '(\w+)[\w.]*' has no attribute"
)
_LIBRARY = re.compile(r"(?:site|dist)-packages[/\\]([\w-]+)\S*: undefined symbol")


class TwoPackages(NamedTuple):
    """Names of modules, as they are imported; `asks` is "" where the program itself asks."""

    asks: str
    asked: str


def two_packages(said: Sequence[str]) -> TwoPackages | None:
    """The two packages that an error's lines tell of, None when they tell of none."""
    text = "\n".join(said)
    asked = _ASKED.search(text) or _LIBRARY.search(text)
    if asked is None:
        return None
    name = next(group for group in asked.groups() if group)
    places: list[str] = _PLACE.findall(said[0]) if said else []
    return TwoPackages(places[-1] if places and places[-1] != name else "", name)
