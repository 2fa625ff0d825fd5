"""`dualano-doctor stop [RUN]`: ends a run, with a checkpoint."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ..language import N_, _
from .parser import settings_of

if TYPE_CHECKING:
    from ..runs.state import State


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "stop",
        parents=[shared],
        help=_("end a run, with a checkpoint"),
        description=_("Asks a run to write a checkpoint and end, waits, and insists when it does not."),
    )
    parser.add_argument(
        "name", nargs="?", metavar="RUN", help=_("name of the run, or a part of it (default: the newest)")
    )
    parser.add_argument("--now", action="store_true", help=_("do not wait for a checkpoint"))
    parser.add_argument("--wait", type=float, metavar="SECONDS", help=_("how long to wait for the checkpoint (300)"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Ends the run; 0 when it is over, 1 when it does not end. Raises UsageError for a run that is not there."""
    from ..errors import UsageError
    from ..runs.ending import CHECKPOINT_SECONDS, ask_to_end, end_run, wait_for_record
    from ..runs.folder import find
    from ..runs.launch.resume import how_to_go_on
    from ..runs.look import look_at

    if arguments.wait is not None and not arguments.wait >= 0:
        raise UsageError(_("--wait is {wait}, expected 0 or more seconds", wait=arguments.wait))
    folder = find(settings_of(arguments).state, arguments.name)
    record = folder.record()
    assert record is not None  # `find` gives only folders with one
    seen = look_at(folder, record)
    if not seen.verdict.alive:
        detail = f": {seen.verdict.detail}" if seen.verdict.detail else ""
        print(_(_WAS[seen.verdict.state], run=folder.name, detail=detail))
        return 1 if seen.verdict.state == "elsewhere" else 0
    patience = 0.0 if arguments.now else CHECKPOINT_SECONDS if arguments.wait is None else arguments.wait
    ask_to_end(folder, "stop", now=arguments.now)
    if patience:
        print(
            _(
                "{folder}: asked to write a checkpoint and end (at most {patience:.0f} s) ...",
                folder=folder.name,
                patience=patience,
            ),
            flush=True,
        )
    ending = end_run(folder, record, patience=patience)
    wait_for_record(folder)
    print(f"{folder.name} {ending.in_words()}", file=sys.stdout if ending.how else sys.stderr)
    if ending.how and (again := how_to_go_on(record)):
        print(again)
    return 0 if ending.how else 1


_WAS: dict[State, str] = {
    "finished": N_("{run} is not running; it finished{detail}"),
    "failed": N_("{run} is not running; it failed{detail}"),
    "stopped": N_("{run} is not running; it was stopped{detail}"),
    "interrupted": N_("{run} is not running; it was interrupted{detail}"),
    "lost": N_("{run} is not running; it was lost{detail}"),
    "elsewhere": N_("{run} is not running; it runs elsewhere{detail}"),
}
