"""What a broken world is, and the list of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dualano_setup.rules.registry import RULES
from tests.worlds.project import Project

Break = Callable[[Project], None]
REPLAY = "replay of the setup guide, 2026-11-23"
"""Seen when every step of the guide was run, with each tool in several versions."""
RUN = "run of the authors' own trainers, 2026-11-23"
"""Seen when the authors' scripts were run, and broken one thing at a time."""


@dataclass(frozen=True)
class World:
    """One broken machine, made after a report.

    `rule` must be found; `also` may be found with it because both are true there. `source` is where such a machine was
    reported: an address, or REPLAY or RUN and what was seen. `named_by` is a regular expression (ignoring case) that
    the output of any tool matches which names the root cause, whatever words it has for it. `by_hand` says why the
    finding is not marked repairable here although its rule can be; `stays`, why one that is marked is not repaired.
    `causes` is how many faults it was built with: as many rows, and no more, may be as grave as the gravest.
    """

    name: str
    rule: str
    break_it: Break
    source: str
    named_by: str
    also: frozenset[str] = frozenset()
    checkout: bool = False
    by_hand: str = ""
    stays: str = ""
    causes: int = 1

    @property
    def repairable(self) -> bool:
        """Whether `fix` is to repair it."""
        return next(rule for rule in RULES if rule.id == self.rule).repairable and not self.by_hand

    @property
    def id(self) -> str:
        """The name in test reports."""
        return f"{self.rule}-{self.name}"

    def lay(self, project: Project) -> None:
        """Breaks a healthy project."""
        if self.checkout:
            project.add_checkout()
        self.break_it(project)


@dataclass(frozen=True)
class FineWorld:
    """A machine that looks odd and is well: nothing may be found on it."""

    name: str
    make_it: Break
    source: str
    checkout: bool = False

    def lay(self, project: Project) -> None:
        """Makes a healthy project odd."""
        if self.checkout:
            project.add_checkout()
        self.make_it(project)


WORLDS: list[World] = []
FINE: list[FineWorld] = []


def world(rule: str, *also: str, source: str, named_by: str, **more: Any) -> Callable[[Break], Break]:
    """Registers a function as a world of that rule; `more` are further fields of World."""

    def register(break_it: Break) -> Break:
        WORLDS.append(World(break_it.__name__, rule, break_it, source, named_by, frozenset(also), **more))
        return break_it

    return register


def fine(*, source: str, checkout: bool = False) -> Callable[[Break], Break]:
    """Registers a function as a world on which nothing is wrong."""

    def register(make_it: Break) -> Break:
        FINE.append(FineWorld(make_it.__name__, make_it, source, checkout))
        return make_it

    return register
