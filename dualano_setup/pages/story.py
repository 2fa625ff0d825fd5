"""What became of a training, in a sentence, and the numbers beside it. Pure: a look, metrics and pairs to words."""

from __future__ import annotations

from statistics import median

from ..language import N_, _
from ..runs.look import RunView
from ..runs.progress import duration
from ..runs.state import State
from .metrics import Metrics, smoothed
from .pairs import Summary

STATE_WORDS: dict[State, str] = {
    "starting": N_("It is starting"),
    "running": N_("It is training"),
    "finished": N_("It finished"),
    "failed": N_("It failed"),
    "stopped": N_("It was stopped"),
    "interrupted": N_("It was interrupted"),
    "lost": N_("It was lost"),
    "elsewhere": N_("It runs elsewhere"),
}
_MOVED = 0.05
"""Relative change of the smoothed loss below which it is called unchanged."""


def sentence(view: RunView | None, metrics: Metrics, pairs: Summary | None) -> str:
    """The verdict: how it ended, what the loss did, what came of the pairs."""
    parts = [_state(view, metrics)]
    if moved := _loss(metrics):
        parts.append(moved)
    if pairs and pairs.total:
        parts.append(
            _("{accepted} of {total} generated pairs were accepted", accepted=pairs.accepted, total=pairs.total)
        )
    return _("; ").join(parts) + _(".")


def tone(view: RunView | None, pairs: Summary | None) -> str:
    """How the verdict looks: "good", "bad", "doubtful" or "busy"."""
    state = view.verdict.state if view else "finished"
    if state in ("failed", "lost") or (pairs and pairs.total and not pairs.accepted):
        return "bad"
    if state in ("starting", "running", "elsewhere"):
        return "busy"
    few = pairs is not None and pairs.total > 0 and pairs.accepted < pairs.total / 2
    return "doubtful" if few or state in ("stopped", "interrupted") else "good"


def numbers(view: RunView | None, metrics: Metrics, pairs: Summary | None) -> list[tuple[str, str]]:
    """The few numbers under the verdict, (name, value)."""
    rows: list[tuple[str, str]] = []
    total = view.record.steps if view else None
    if metrics.steps:
        step = f"{metrics.steps[-1]:,}"
        rows.append((_("steps"), f"{step} / {total:,}" if total and total != metrics.steps[-1] else step))
    ends = [value for value in smoothed(metrics.of("loss"))[-1:] if value is not None]
    rows += [(_("loss, smoothed"), f"{value:.4g}") for value in ends]
    if pace := metrics.known("seconds"):
        rows.append((_("seconds a step"), f"{median(pace):.3g}"))
    if speed := metrics.known("samples_per_second"):
        rows.append((_("samples a second"), f"{median(speed):.3g}"))
    if memory := metrics.known("gpu_memory_gib"):
        rows.append((_("GPU memory at most"), f"{max(memory):.1f} GiB"))
    if view:
        rows.append((_("time"), duration(view.seconds)))
        if view.verdict.alive and view.progress and view.progress.remaining is not None:
            rows.append((_("time left"), duration(view.progress.remaining)))
    elif pace:
        rows.append((_("time in steps"), duration(sum(pace))))
    if pairs and pairs.total:
        rows.append((_("pairs accepted"), f"{pairs.accepted} / {pairs.total}"))
        if pairs.middle is not None:
            rows.append((_("median quality"), f"{pairs.middle:.2f}"))
    return rows


def _state(view: RunView | None, metrics: Metrics) -> str:
    if view is None:
        return (
            _("{steps} steps are recorded", steps=len(metrics)) if metrics.steps else _("No training is recorded here")
        )
    state = view.verdict.state
    words = _(STATE_WORDS[state])
    reached = metrics.steps[-1] if metrics.steps else view.progress.step if view.progress else 0
    if state == "finished":
        return _("{state}: {steps} steps in {time}", state=words, steps=f"{reached:,}", time=duration(view.seconds))
    if reached:
        return _("{state} at step {step} of {total}", state=words, step=f"{reached:,}", total=f"{view.record.steps:,}")
    return _("{state} before its first step", state=words) if not view.verdict.alive else words


def _loss(metrics: Metrics) -> str:
    """From a tenth of the way to the end, smoothed: the very first steps are noise."""
    curve = [value for value in smoothed(metrics.of("loss")) if value is not None]
    if len(curve) < 20:
        return ""
    early, late = curve[len(curve) // 10], curve[-1]
    values = {"early": f"{early:.3g}", "late": f"{late:.3g}"}
    if broken := metrics.broken():
        return _("the loss or gradient of step {step} is not finite", step=broken[0])
    if abs(late - early) <= _MOVED * abs(early):
        return _("the smoothed loss stayed near {late}", **values)
    if late < early:
        return _("the smoothed loss fell from {early} to {late}", **values)
    return _("the smoothed loss rose from {early} to {late}", **values)
