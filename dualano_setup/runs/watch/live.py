"""The live view of a run in the foreground: rich's progress line on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from ...explain.last_error import is_head
from ...explain.launcher_traceback import WithoutLament
from ...language import _
from ...system.processes import is_alive
from ..folder import RunFolder
from ..look import RunView, look_at
from ..progress import Progress, is_bar, line_of, read_progress
from ..records import RunRecord
from .follow import Follower
from .report import log_line

POLL_SECONDS = 0.1
PLAIN_SECONDS = 15.0
"""Between two lines of progress in a plain view; a log file should not fill with them."""

Show = Callable[[Progress | None, list[str]], None]


def watch_run(run: RunFolder, record: RunRecord, stream: TextIO, *, color: bool) -> RunView:
    """Shows a run until it is over, and returns the last look at it. Raises KeyboardInterrupt on Ctrl-C."""
    follower, without_lament = Follower(run.log), WithoutLament()
    with _display(stream, color=color) as show:
        over = False
        while not over:
            over = _is_over(run)
            new = without_lament.lines(follower.lines(rest=over), rest=over)
            lines = [log_line(line) for line in new if not is_bar(line) and not is_head(line)]
            show(read_progress(record, run.log, over=over), lines)
            if not over:
                time.sleep(POLL_SECONDS)
    return look_at(run, record)


def _is_over(run: RunFolder) -> bool:
    processes = run.processes()
    return run.exit() is not None or not (processes and is_alive(processes.supervisor))


@contextmanager
def _display(stream: TextIO, *, color: bool) -> Iterator[Show]:
    if stream.isatty():
        with _rich_display(stream, color=color) as show:
            yield show
    else:
        yield _plain_display(stream)


@contextmanager
def _rich_display(stream: TextIO, *, color: bool) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    console = Console(file=stream, no_color=not color, highlight=False, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=None), TextColumn("{task.fields[words]}"))
    with Bar(*columns, console=console, transient=False) as bar:
        task = bar.add_task(_("loading"), total=None, words="")

        def show(progress: Progress | None, lines: list[str]) -> None:
            for line in lines:
                bar.console.print(line, markup=False, style="dim")
            if progress:
                words = line_of(progress)
                bar.update(task, description=_("training"), total=progress.total, completed=progress.step, words=words)

        yield show


def _plain_display(stream: TextIO) -> Show:
    said, at = 0, 0.0

    def show(progress: Progress | None, lines: list[str]) -> None:
        nonlocal said, at
        for line in lines:
            stream.write(line + "\n")
        last = progress is not None and progress.step == progress.total
        due = time.monotonic() - at > PLAIN_SECONDS or last
        if progress and progress.step > said and due:
            stream.write(line_of(progress) + "\n")
            said, at = progress.step, time.monotonic()
        stream.flush()

    return show
