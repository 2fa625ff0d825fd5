"""`dualano-doctor undo`: takes one fix back, byte for byte."""

from __future__ import annotations

from ..language import _
from ..repairs.journal.undo import find_fix, undo_fix
from ..settings.options import Settings
from ..system.first_signal import without_interruption
from ..text.say import tell
from .settle import hold, session, settle


def undo(settings: Settings, wanted: str | None) -> None:
    """Takes the named fix back, or the last one. Raises RepairError, having changed nothing, when it cannot be."""
    with hold(settings):
        if settle(settings) and wanted is None:
            return  # the last fix is the one just settled; taking back one more was not asked for
        journal = find_fix(settings.project, wanted)
        with without_interruption(tell):
            undo_fix(journal, lambda number: session(settings).workshop(journal, number))
        for action in reversed(journal.plan().actions):
            tell(_("taken back: {action}", action=action.describe()))
