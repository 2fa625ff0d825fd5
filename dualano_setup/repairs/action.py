"""What a repair is made of: small typed actions that can say what they would do, do it, prove it and take it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Cost:
    """What an action takes: bytes to download, bytes of disk, seconds (all estimates)."""

    download: int = 0
    disk: int = 0
    seconds: float = 0.0


@runtime_checkable
class Action(Protocol):
    """One step of a plan. Implementations are frozen dataclasses that serialise to JSON for the journal."""

    @property
    def kind(self) -> str:
        """The name in plans and journals: "write-file", "make-environment", "move-aside", ..."""

    @property
    def rules(self) -> tuple[str, ...]:
        """The findings it answers."""

    def describe(self) -> str:
        """One line: what would change, in the user's words."""

    def details(self) -> str:
        """The change itself: a diff, a package list. May be long."""

    def cost(self) -> Cost:
        """An estimate made without side effects."""

    def apply(self, workshop: Workshop) -> None:
        """Do it. Raises RepairError; what was half done is taken back by `undo`."""

    def verify(self, workshop: Workshop) -> str:
        """Empty when the change is in place, else what is wrong."""

    def obstacle(self, workshop: Workshop) -> str:
        """Empty when `undo` may go ahead, else why not: the user changed the target since. Changes nothing."""

    def undo(self, workshop: Workshop) -> None:
        """Take it back, byte for byte. Must also work after a half-done `apply`. Raises RepairError when the
        user changed the target since, and then changes nothing."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What actions work with: the fix's own folder for before-images, and a way to tell the user."""

    folder: Path  # the action's own: .dualano/fixes/<id>/<number>/
    project: Path
    environment: Path | None = None  # prefix of the training environment, for tools that run in it
    offline: bool = False
    say: Callable[[str], None] = print
    variables: dict[str, str] = field(default_factory=dict)  # environment for installers


@dataclass(frozen=True, slots=True)
class Planned:
    """What one planner proposes for the findings of its rules. `notes` are sentences for the user."""

    actions: tuple[Action, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: Planned) -> Planned:
        """Both, one after the other."""
        return Planned(self.actions + other.actions, self.notes + other.notes)


@dataclass(frozen=True, slots=True)
class Plan:
    """An ordered list of actions with the facts it was based on."""

    id: str
    actions: tuple[Action, ...]
    basis: str  # fingerprint of what the actions were computed from
    not_repairable: tuple[str, ...] = ()  # rule ids left to the user
    notes: tuple[str, ...] = ()
