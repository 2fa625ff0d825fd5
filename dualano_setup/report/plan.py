"""A plan in words, with what it costs."""

from __future__ import annotations

from collections.abc import Sequence

from ..language import N_, _
from ..repairs.action import Cost, Plan
from ..repairs.journal.serial import total_cost
from ..rules.finding import Finding
from ..text.printable import printable
from .terminal import Style


def render_plan(plan: Plan, left: Sequence[Finding], style: Style, verbosity: int = 0) -> str:
    """The plan: one line an action, details with -v, then what stays with the user, and the notes."""
    count = len(plan.actions)
    lines = [
        _(
            N_("Plan: 1 change{cost}") if count == 1 else N_("Plan: {count} changes{cost}"),
            count=count,
            cost=cost_in_words(total_cost(plan.actions)),
        )
    ]
    for number, action in enumerate(plan.actions, 1):
        lines.append(f"  {number}. {printable(action.describe())}  {style.paint(' '.join(action.rules), '2')}")
        if verbosity > 0:
            lines += [f"     {line}" for line in printable(action.details()).splitlines()]
    if left:
        lines.append(_("Left to you:"))
        lines += [f"  {style.paint(f.rule, '1')}  {printable(f.title)}: {printable(f.cure)}" for f in left]
    lines += [_("Note: {note}", note=printable(note)) for note in plan.notes]
    return "\n".join(lines) + "\n"


def cost_in_words(cost: Cost) -> str:
    """ ", up to 340 MB to download, 1.3 GB of disk, about 2 min"; only the parts that count."""
    parts = []
    if cost.download:
        parts.append(_("up to {download} to download", download=in_bytes(cost.download)))
    if cost.disk >= 1_000_000:
        parts.append(_("{disk} of disk", disk=in_bytes(cost.disk)))
    if cost.seconds >= 1:
        minutes = cost.seconds / 60
        parts.append(
            _("about {max} min", max=max(1, round(minutes)))
            if minutes >= 1
            else _("about {seconds} s", seconds=round(cost.seconds))
        )
    return "".join(_(", ") + part for part in parts)


def in_bytes(size: int) -> str:
    """The size in MB or GB (powers of ten, as shops and `df -H` count)."""
    return f"{size / 1000000000.0:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1000000.0))} MB"
