"""A plan in words, with what it costs."""

from __future__ import annotations

from collections.abc import Sequence

from ..report.terminal import Style, printable
from ..rules.finding import Finding
from .action import Cost, Plan
from .serial import total_cost


def render_plan(plan: Plan, left: Sequence[Finding], style: Style, verbosity: int = 0) -> str:
    """The plan: one line an action, details with -v, then what stays with the user, and the notes."""
    count = len(plan.actions)
    lines = [f"Plan: {count} change{'s' if count != 1 else ''}{cost_in_words(total_cost(plan.actions))}"]
    for number, action in enumerate(plan.actions, 1):
        lines.append(f"  {number}. {printable(action.describe())}  {style.paint(' '.join(action.rules), '2')}")
        if verbosity > 0:
            lines += [f"     {line}" for line in printable(action.details()).splitlines()]
    if left:
        lines.append("Left to you:")
        lines += [f"  {style.paint(f.rule, '1')}  {printable(f.title)}: {printable(f.cure)}" for f in left]
    lines += [f"Note: {printable(note)}" for note in plan.notes]
    return "\n".join(lines) + "\n"


def cost_in_words(cost: Cost) -> str:
    """ ", up to 340 MB to download, 1.3 GB of disk, about 2 min"; only the parts that count."""
    parts = []
    if cost.download:
        parts.append(f"up to {in_bytes(cost.download)} to download")
    if cost.disk >= 1_000_000:
        parts.append(f"{in_bytes(cost.disk)} of disk")
    if cost.seconds >= 1:
        minutes = cost.seconds / 60
        parts.append(f"about {max(1, round(minutes))} min" if minutes >= 1 else f"about {round(cost.seconds)} s")
    return "".join(f", {part}" for part in parts)


def in_bytes(size: int) -> str:
    """The size in MB or GB (powers of ten, as shops and `df -H` count)."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6))} MB"
