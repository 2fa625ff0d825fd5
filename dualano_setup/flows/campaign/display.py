"""What is shown while a campaign runs: a table that renews itself on a terminal, lines anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ...campaigns.executors.orders import Executor
from ...campaigns.head import Head, Standing
from ...campaigns.plan import Plan
from ...campaigns.state import WAITING, Row, snapshot
from ...report.terminal import Style
from .words import change_line, table

_SHOW_SECONDS = 1.0


def width_of(executor: Executor) -> int:
    """How many jobs run at once, as far as that is known."""
    return len(executor.places) if executor.places is not None else 1


Tell = Callable[[str, Standing], None]
Show = Callable[[Head], None]


@contextmanager
def display(root: Path, plan: Plan, executor: Executor, style: Style) -> Iterator[tuple[Tell, Show]]:
    """How changes are told and the whole is shown: a table that renews itself on a terminal, lines anywhere else."""
    noted = [""]

    def tell(name: str, standing: Standing) -> None:
        last = standing.view.ends[-1].words if standing.view.ends and standing.state == WAITING else ""
        sys.stderr.write(change_line(name, standing.state, standing.decision, last) + "\n")
        sys.stderr.flush()

    def note(head: Head) -> None:
        if head.note != noted[0]:
            noted[0] = head.note
            if head.note:
                sys.stderr.write(head.note + "\n")

    if not sys.stderr.isatty():
        yield tell, note
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(file=sys.stderr, no_color=not style.color, highlight=False)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        shown = [0.0]

        def show(head: Head) -> None:
            note(head)
            if time.monotonic() - shown[0] < _SHOW_SECONDS:
                return
            rows: list[Row] = snapshot(root, plan)
            shown[0] = time.monotonic()
            live.update(Text.from_ansi(table(rows, style, whole=len(rows) <= console.height - 4,
                                             places=width_of(executor))), refresh=True)  # fmt: skip

        yield lambda _name, _standing: None, show
