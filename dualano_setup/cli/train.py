"""`dualano-doctor train`: check, and only if all is well start the training."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..language import N_, _
from .parser import RawFormatter

if TYPE_CHECKING:
    from ..check import Report
    from ..facts.sheet import FactSheet
    from ..settings import Settings

_DESCRIPTION = N_(
    "Checks everything first, and only when nothing blocks starts the training through `accelerate launch` with "
    "a\nconfiguration of the run's own. What follows `--` reaches the trainer untouched and wins over the "
    "settings, e.g.\n\n  dualano-doctor train --detach -- --max_train_steps 2000 --checkpoints_total_limit "
    "3\n\nCtrl-C asks for a checkpoint and ends the run; a second one ends it at once.\n"
)


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "train",
        parents=[shared],
        help=_("check, and start training when all is well"),
        description=_DESCRIPTION,
        formatter_class=RawFormatter,
    )
    parser.add_argument("--fix", action="store_true", help=_("repair first what `fix` can repair (it asks)"))
    parser.add_argument("--yes", action="store_true", help=_("with --fix: do not ask"))
    parser.add_argument("--force", action="store_true", help=_("start although something blocks"))
    parser.add_argument("--detach", action="store_true", help=_("train in the background; survives the terminal"))
    parser.add_argument(
        "--trainer",
        choices=("bundled", "checkout"),
        default="bundled",
        help=_("the bundled trainer, or the checkout's own patched one"),
    )
    parser.add_argument(
        "arguments", nargs="*", metavar="-- ARGS", help=_("for the trainer, untouched; -- --help lists them")
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Checks and hands off. Returns 0 when the training finished (or, detached, started)."""
    from ..runs.tools import show_help, wants_help
    from ..settings import UsageError, resolve

    extra: list[str] = arguments.arguments
    if arguments.trainer == "bundled" and wants_help(extra):
        return show_help("trainer")
    settings = resolve(vars(arguments))
    report = cleared(settings, arguments)
    from ..runs.arguments import required

    if missing := required(settings, extra, arguments.trainer):
        raise UsageError(_("nothing to train with yet. Still needed:\n  ") + "\n  ".join(missing))
    if report is None:
        return 1
    from ..repairs.train_settings import still_as_fitted
    from ..runs.settings_in_words import settings_in_words

    by_fix = still_as_fitted(settings.project)
    words = settings_in_words(settings, report.sheet, trainer=arguments.trainer, extra=extra, by_fix=by_fix)
    sys.stderr.write(f"{words}\n")
    return hand_off(settings, report.sheet, arguments.trainer, extra, detach=arguments.detach)


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
    from ..runs.foreground import attend
    from ..runs.handoff import LaunchError, prepare, start

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
