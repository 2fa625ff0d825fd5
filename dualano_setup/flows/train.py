"""`dualano-doctor train`: check, and only if all is well start the training."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..language import _

if TYPE_CHECKING:
    from ..check import Report
    from ..facts.sheet import FactSheet
    from ..settings.options import Settings


def cleared(settings: Settings, arguments: argparse.Namespace) -> Report | None:
    """The look at the machine when training may start, else None after saying what blocks."""
    from ..check import look
    from ..report.terminal import Style, render_report

    trainer = getattr(arguments, "trainer", "bundled")
    report = look(settings, trainer=trainer)
    if report.exit_status and arguments.fix:
        from . import fix

        fix.run(argparse.Namespace(**{**vars(arguments), "plan": False, "json": False, "only": ""}))
        report = look(settings, trainer=trainer)
    if trainer not in report.profile.trainers and not arguments.force:
        sys.stderr.write(
            _(
                "dualano-doctor: profile {profile} does not run the {trainer}'s trainer; run `dualano-doctor fix "
                "--profile NAME` with one that does (`dualano-doctor profile` lists them)\n",
                profile=report.profile.name,
                trainer=trainer,
            )
        )
        return None
    blocking = report.blocking(trainer)
    if not blocking:
        return report
    style = Style.for_stream(settings.color, sys.stderr)
    sys.stderr.write(render_report(replace(report, findings=blocking), style, verbosity=-1))
    things = (
        _("1 finding blocks")
        if len(blocking) == 1
        else _("{blocking_count} findings block", blocking_count=len(blocking))
    )
    if arguments.force:
        sys.stderr.write(_("{things}; training all the same (--force)\n", things=things))
        return report
    sys.stderr.write(
        _(
            "{things} the training: `dualano-doctor fix` repairs what it can; --force starts all the same\n",
            things=things,
        )
    )
    return None


def hand_off(
    settings: Settings, sheet: FactSheet, trainer: str, extra: Sequence[str], *, detach: bool, label: str = ""
) -> int:
    """Starts the run and stays with it, unless detached. Returns the exit status of the command."""
    from ..runs.launch.handoff import LaunchError, prepare, start
    from ..runs.watch.foreground import attend

    try:
        folder, record, launch = prepare(settings, sheet, trainer=trainer, extra=extra, detach=detach, label=label)
        for note in launch.notes:
            sys.stderr.write(_("note: {note}\n", note=note))
        started = start(folder, record, launch)
    except LaunchError as error:
        sys.stderr.write(f"dualano-doctor: {error}\n")
        return 1
    print(_("run {folder}; log {log}", folder=folder.name, log=folder.log), flush=True)
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
