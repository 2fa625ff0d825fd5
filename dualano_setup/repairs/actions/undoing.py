"""Taking an action back: refuse when the user changed its target since, else put back what each record says."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ...errors import RepairError
from ..action import Workshop
from . import before_image as images
from .before_image import Before


class Undoing:
    """What the actions share: `undo` in terms of `obstacle`, the records that were kept, and `_put_back`."""

    __slots__ = ()

    def obstacle(self, workshop: Workshop) -> str:
        """Empty when `undo` may go ahead, else why not. Changes nothing."""
        raise NotImplementedError

    def undo(self, workshop: Workshop) -> None:
        """Takes it back; nothing where nothing was recorded. Raises RepairError, having changed nothing, when the
        user changed the target since."""
        if problem := self.obstacle(workshop):
            raise RepairError(problem)
        for folder in self._slots(workshop):
            if before := images.load(folder):
                self._put_back(before, workshop)

    def _slots(self, workshop: Workshop) -> Iterable[Path]:
        """The folders with a record each, in the order of taking back."""
        return (workshop.folder,)

    def _put_back(self, before: Before, workshop: Workshop) -> None:
        """Puts back what stood at one path."""
        images.bring_back(before)
