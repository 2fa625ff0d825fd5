"""What `explain` knows about a failed run's log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...explain.last_error import read_end_bytes
from ..look import RunView

if TYPE_CHECKING:
    from ...explain.order import Explanation

LAST_BYTES = 4 << 20
"""How much of the log's end is read: `status` must answer at once; `dualano-doctor explain` reads all of it."""


def explained(view: RunView) -> Explanation | None:
    """The explanation of a failed or lost run, None for any other."""
    if view.verdict.state not in ("failed", "lost"):
        return None
    from ...explain.read import explain_bytes

    return explain_bytes(read_end_bytes(view.run.log, LAST_BYTES))


def explained_document(view: RunView) -> dict[str, object] | None:
    """The same for --json, None for a run that did not fail."""
    explanation = explained(view)
    if explanation is None:
        return None
    from ...report.explain import document

    return document(explanation)
