"""`dualano-doctor train`: check, and only if all is well start the training."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..check import look
from ..errors import UsageError
from ..language import _
from ..report.terminal import Style, render_report
from ..runs.launch.arguments import required, value_of
from ..runs.launch.together import refuse
from ..runs.launch.tools import refuse_unknown_flags
from ..system.batch_warnings import warnings_heeded

if TYPE_CHECKING:
    from pathlib import Path

    from ..check import Report
    from ..facts.sheet import FactSheet
    from ..settings.options import Settings


def train(
    settings: Settings,
    trainer: str,
    extra: Sequence[str],
    *,
    repair: Callable[[Settings], None] | None = None,
    force: bool = False,
    detach: bool = False,
    working: Path | None = None,
) -> int:
    """Looks, lets `repair` repair what blocks, and starts the run. 0 when it finished (or, detached, started).

    Raises UsageError when model or data are not named, LaunchError when the run does not come up.
    """
    refuse(settings, trainer, extra)
    if trainer == "bundled" and extra:
        refuse_unknown_flags("trainer", extra)
    elif value_of("--recipe", extra) is not None:
        raise UsageError(_("--recipe is the bundled trainer's; the authors' scripts have none"))
    with warnings_heeded():
        return _train(settings, trainer, extra, repair, force=force, detach=detach, working=working)


def _train(
    settings: Settings,
    trainer: str,
    extra: Sequence[str],
    repair: Callable[[Settings], None] | None,
    *,
    force: bool,
    detach: bool,
    working: Path | None,
) -> int:
    report = look(settings, trainer=trainer)
    if report.exit_status and repair:
        repair(settings)
        report = look(settings, trainer=trainer)
    clear = _is_clear(report, trainer, force=force)
    if missing := required(settings, extra, trainer):
        raise UsageError(_("nothing to train with yet. Still needed:\n  ") + "\n  ".join(missing))
    if not clear:
        return 1
    from ..repairs.planners.train_settings import still_as_fitted
    from ..runs.watch.settings_in_words import settings_in_words

    by_fix = still_as_fitted(settings.project)
    words = settings_in_words(settings, report.sheet, trainer=trainer, extra=extra, by_fix=by_fix)
    sys.stderr.write(f"{words}\n")
    return hand_off(settings, report.sheet, trainer, extra, detach=detach, working=working)


def _is_clear(report: Report, trainer: str, *, force: bool) -> bool:
    """Whether training may start, after saying what blocks."""
    if trainer not in report.profile.trainers and not force:
        sys.stderr.write(
            _(
                "dualano-doctor: profile {profile} does not run the {trainer}'s trainer; run `dualano-doctor fix "
                "--profile NAME` with one that does (`dualano-doctor profile` lists them)\n",
                profile=report.profile.name,
                trainer=trainer,
            )
        )
        return False
    blocking = report.blocking(trainer)
    if not blocking:
        return True
    style = Style.for_stream(report.settings.color, sys.stderr)
    sys.stderr.write(render_report(replace(report, findings=blocking), style, verbosity=-1))
    things = (
        _("1 finding blocks")
        if len(blocking) == 1
        else _("{blocking_count} findings block", blocking_count=len(blocking))
    )
    if force:
        sys.stderr.write(_("{things}; training all the same (--force)\n", things=things))
    else:
        sys.stderr.write(
            _(
                "{things} the training: `dualano-doctor fix` repairs what it can; --force starts all the same\n",
                things=things,
            )
        )
    return force


def hand_off(
    settings: Settings,
    sheet: FactSheet,
    trainer: str,
    extra: Sequence[str],
    *,
    detach: bool,
    working: Path | None = None,
) -> int:
    """Starts the run and stays with it, unless detached. Returns the exit status of the command. Raises LaunchError."""
    from ..runs.launch.handoff import prepare, start
    from ..runs.watch.attend import attend

    folder, record, launch = prepare(settings, sheet, trainer=trainer, extra=extra, detach=detach, working=working)
    for note in launch.notes:
        sys.stderr.write(_("note: {note}\n", note=note))
    started = start(folder, record, launch)
    for one in folder.together():
        print(_("run {folder}; log {log}", folder=one.name, log=one.log), flush=True)
    if detach:
        print(
            _(
                "It goes on when this terminal is closed. Watch it: dualano-doctor status, dualano-doctor logs "
                "-f; end it: dualano-doctor stop {folder}",
                folder=folder.name,
            )
        )
        return 0
    return attend(started, settings.color)
