"""`dualano-doctor stop`: ends a run, with a checkpoint where it can still write one."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from ..language import N_, _
from ..runs.ending import ask_to_end, end_run, promise, wait_for_record
from ..runs.folder import every, find
from ..runs.launch.resume import how_to_go_on
from ..runs.look import look_at
from ..runs.state import State
from ..settings.options import Settings
from ..system.processes import living_runs

_WAS: dict[State, str] = {
    "finished": N_("{run} is not running; it finished{detail}"),
    "failed": N_("{run} is not running; it failed{detail}"),
    "stopped": N_("{run} is not running; it was stopped{detail}"),
    "interrupted": N_("{run} is not running; it was interrupted{detail}"),
    "lost": N_("{run} is not running; it was lost{detail}"),
    "elsewhere": N_("{run} runs elsewhere and cannot be ended from here{detail}"),
}


def stop(settings: Settings, run: str | None, patience: float, *, now: bool) -> int:
    """Ends the run; 0 when it is over, 1 when it does not end. Raises UsageError for a run that is not there.

    It has `patience` seconds for its checkpoint.
    """
    folder = find(settings.state, run)
    record = folder.record()
    assert record is not None  # `find` gives only folders with one
    seen = look_at(folder, record)
    if not seen.verdict.alive:
        detail = f": {seen.verdict.detail}" if seen.verdict.detail else ""
        print(_(_WAS[seen.verdict.state], run=folder.name, detail=detail))
        return 1 if seen.verdict.state == "elsewhere" else 0
    ask_to_end(folder, "stop", now=now)
    if patience:
        print(f"{folder.name}: {promise(folder, record, patience)} ...", flush=True)
    ending = end_run(folder, record, patience=patience)
    wait_for_record(folder)
    print(f"{folder.name} {ending.in_words()}", file=sys.stdout if ending.how else sys.stderr)
    if ending.how and (again := how_to_go_on(record)):
        print(again)
    return 0 if ending.how else 1


def stop_all(settings: Settings, patience: float, *, now: bool) -> int:
    """Ends every run that is going on here, all asked before any is waited for; 1 when one does not end."""
    living = living_runs()
    rows = [(run, record) for run in every(settings.state) if (record := run.record())]
    states = [(run.name, look_at(run, record, living).verdict) for run, record in rows]
    elsewhere = [name for name, verdict in states if verdict.state == "elsewhere"]
    alive = [name for name, verdict in states if verdict.alive]
    for name in elsewhere:
        stop(settings, name, patience, now=now)
    if not alive:
        print(_("no run is going on here"))
        return int(bool(elsewhere))
    with ThreadPoolExecutor(len(alive)) as side_by_side:
        ends = list(side_by_side.map(lambda name: stop(settings, name, patience, now=now), alive))
    return max(*ends, int(bool(elsewhere)))
