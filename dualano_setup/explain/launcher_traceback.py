"""Leaves the launcher's own traceback out of what a person is shown: the training's words above it are the reason.

It stays in the run's log, where its last line tells the training process's exit status.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .last_error import is_of_the_launcher, is_traceback


@dataclass(slots=True)
class WithoutLament:
    """Passes lines on, all but tracebacks that end in an exception of the launcher's."""

    _held: list[str] = field(default_factory=list)

    def lines(self, new: Iterable[str], *, rest: bool = False) -> list[str]:
        """The lines to show now. A traceback waits for its last line; with `rest` it is shown as far as it came."""
        shown: list[str] = []
        for line in new:
            begins = is_traceback(line)
            if begins or (self._held and line[:1].isspace()):
                if begins:
                    shown += self._held
                    self._held = []
                self._held.append(line)
                continue
            if not (self._held and is_of_the_launcher(line)):
                shown += [*self._held, line]
            self._held = []
        if rest:
            shown += self._held
            self._held = []
        return shown
