"""`dualano-doctor runs --prune`: removes what ended runs need no more. Weights and checkpoints are never touched."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from ..language import _
from ..runs.ending import newest_checkpoint
from ..runs.folder import FINAL_WEIGHTS, RunFolder, every
from ..runs.look import look_at
from ..runs.records import RunRecord
from ..settings.options import Settings
from ..system.files import bytes_below
from ..system.processes import living_runs

KEPT = 20
"""How many of the newest runs stay as they are."""


def prune(settings: Settings, keep: int, *, remove: bool) -> int:
    """Shows what would be removed of all but the newest `keep` runs, or removes it. Returns 1 where that failed.

    Of a run that left weights or a checkpoint only its copy of the trainer goes: its record leads to them. Runs that
    live, here or elsewhere, stay whole.
    """
    runs = every(settings.state)
    living = living_runs()
    total, failed = 0, 0
    for run in runs[: max(0, len(runs) - keep)]:
        record = run.record()
        if record is None:
            continue
        verdict = look_at(run, record, living).verdict
        if verdict.alive or verdict.state == "elsewhere":
            continue
        whole = not _left_something(run, record)
        place = run.path if whole else run.code
        if not place.exists():
            continue
        size = bytes_below(place)
        what = _("all of it: it left no weights") if whole else _("its copy of the trainer")
        print(_("{run}  {size:.1f} MiB  {what}", run=run.name, size=size / 2**20, what=what))
        if remove:
            try:
                shutil.rmtree(place)
            except OSError as error:
                failed = 1
                sys.stderr.write(f"{error}\n")
                continue
        total += size
    if not total:
        print(_("nothing to remove"))
    elif remove:
        print(_("removed {size:.1f} MiB", size=total / 2**20))
    else:
        print(_("{size:.1f} MiB could go; nothing was removed. To do it: the same with --yes", size=total / 2**20))
    return failed


def _left_something(run: RunFolder, record: RunRecord) -> bool:
    output = Path(record.output)
    if newest_checkpoint(output) or any((output / name).exists() for name in FINAL_WEIGHTS):
        return True
    # Of a run in another place than its record says (a project that was moved), or of an earlier version.
    return (run.path / "output").exists()
