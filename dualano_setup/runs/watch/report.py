"""Runs in words, for people at a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ...explain.last_error import lines_of
from ...language import N_, _
from ...report.terminal import Style
from ...text.printable import printable
from ...text.width import width
from ..launch.resume import how_to_go_on
from ..look import RunView
from ..progress import duration, line_of
from ..state import State
from .explained import explained

STATES: dict[State, str] = {
    "starting": N_("starting"),
    "running": N_("running"),
    "finished": N_("finished"),
    "failed": N_("failed"),
    "stopped": N_("stopped"),
    "interrupted": N_("interrupted"),
    "lost": N_("lost"),
    "elsewhere": N_("elsewhere"),
}
_CODES = {"running": "32;1", "starting": "32", "finished": "32", "failed": "31;1", "lost": "31", "interrupted": "33"}


def log_line(line: str) -> str:
    """A line of a log as it may go to a terminal: without colour codes, control characters made visible."""
    return printable("".join(lines_of(line)).expandtabs())


def list_text(views: Sequence[RunView], style: Style) -> str:
    """One line for each run."""
    longest = max((len(view.run.name) for view in views), default=0)
    rows = []
    for view in views:
        word = _(STATES[view.verdict.state])
        state = style.paint(word + " " * (11 - width(word)), _CODES.get(view.verdict.state, "2"))
        step = f"{view.progress.step if view.progress else 0}/{view.record.steps}"
        rows.append(f"{view.run.name:{longest}}  {state} {step:>11}  {printable(view.verdict.detail)}".rstrip() + "\n")
    return "".join(rows)


def status_text(view: RunView, style: Style) -> str:
    """All about one run."""
    verdict, end = view.verdict, view.exit
    state = style.paint(_(STATES[verdict.state]), _CODES.get(verdict.state, "2"))
    rows = [f"{view.run.name}: {state}" + (f", {printable(verdict.detail)}" if verdict.detail else "")]
    if view.progress:
        rows.append(f"  {line_of(view.progress)}" if verdict.alive else f"  {_at_the_end(view)}")
    elif verdict.alive:
        rows.append(_("  no step yet: it is loading the model and preparing the data"))
    rows += [f"  {style.paint(printable(line), '31')}" for line in view.cause]
    rows += known_problem(view, style).splitlines()
    rows.append(
        _("  started {created}", created=_moment(view.record.created))
        + (_(", ended {ended}", ended=_moment(end.ended)) if end else "")
    )
    rows.append(
        _(N_("  runs for {time}") if verdict.alive else N_("  lasted {time}"), time=duration(view.seconds))
        if end or verdict.alive
        else ""
    )
    rows.append(
        _(
            "  checkpoint {checkpoint} in {output}",
            checkpoint=view.checkpoint or _("none yet"),
            output=printable(view.record.output),
        )
    )
    if verdict.state in ("failed", "stopped", "interrupted", "lost") and (again := how_to_go_on(view.record)):
        rows.append(f"  {printable(again)}")
    rows.append(_("  log {log}", log=printable(str(view.run.log))))
    return "\n".join(rows) + "\n"


def after_a_failure(view: RunView, style: Style) -> str:
    """What a person needs when a run failed: why, where, and what to do next."""
    why = "\n".join(f"  {style.paint(printable(line), '31')}" for line in view.cause)
    head = f"{view.run.name} {_(STATES[view.verdict.state])}: {printable(view.verdict.detail)}"
    more = _("  the whole log: dualano-doctor logs {run} -n 200", run=view.run.name)
    known = known_problem(view, style).rstrip("\n")
    return "\n".join(part for part in (head, why, known, more) if part) + "\n"


def known_problem(view: RunView, style: Style) -> str:
    """The known problem that ended a failed run, with its cure; empty for an unknown one, or one that did not fail."""
    from ...report.explain import problem_text

    explanation = explained(view)
    root = explanation.root if explanation else None
    return problem_text(root, style) if root and not root.seen.signature.says_little else ""


def _at_the_end(view: RunView) -> str:
    assert view.progress is not None
    loss = "" if view.progress.loss is None else _(", loss {loss:.4f}", loss=view.progress.loss)
    return _("reached step {step} of {total}{loss}", step=view.progress.step, total=view.progress.total, loss=loss)


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
