"""A curve as numbers to draw: paths in a square of a thousand, ticks and marks in per cent. Pure; templates draw it.

Paths are stretched to the page's width and labels are not, so the same drawing reads at 360 and at 1,600 pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

SIDE = 1000
MOST = 1200
"""Points of a path. More are drawn as the least and the greatest of each stretch, which no eye can tell apart."""
_CUT = 0.995
"""Share of the values that the axis must show; the few above are drawn along its edge."""

Values = Sequence["float | None"]


@dataclass(frozen=True, slots=True)
class Tick:
    """A label on an axis, `at` per cent from the left, or from the top."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """One path; `kind` names its look."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A step to mark, `at` per cent from the left; `kind` "checkpoint", "restart" or "broken"."""

    at: float
    kind: str
    step: int


@dataclass(frozen=True, slots=True)
class Plot:
    """One drawing."""

    name: str
    lines: tuple[Line, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    low: float
    high: float


def plot(
    name: str,
    steps: Sequence[int],
    lines: Sequence[tuple[str, Values]],
    *,
    last: int,
    marks: Sequence[tuple[int, str]] = (),
) -> Plot | None:
    """A drawing of `lines` (look, values) over steps from 0 to `last`; None where there is no number to draw."""
    shown = [value for __, values in lines for value in values if value is not None and math.isfinite(value)]
    if not shown:
        return None
    last = max(last, steps[-1])
    low, high = bounds(shown)
    drawn = tuple(Line(kind, path(steps, values, last, low, high)) for kind, values in lines)
    up = tuple(Tick(round(100 * (high - at) / (high - low), 2), short(at)) for at in ticks(low, high, 4))
    across = tuple(Tick(round(100 * at / last, 2), f"{at:,.0f}") for at in ticks(0, last, 5) if at <= last)
    placed = tuple(Mark(round(100 * step / last, 2), kind, step) for step, kind in marks if 0 <= step <= last)
    return Plot(name, drawn, across, up, placed, low, high)


def bounds(values: Sequence[float]) -> tuple[float, float]:
    """The axis: from 0, or from below the least where all lie in a narrow band, to where nearly all values are."""
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, int(len(ordered) * _CUT))]
    low = ordered[0]
    if low >= 0 and low < 0.6 * high:
        low = 0.0
    if high - low <= 1e-12 * max(abs(high), 1e-300):
        margin = abs(high) * 0.5 or 1.0
        low, high = (0.0, high + margin) if low >= 0 else (low - margin, high + margin)
    else:
        room = 0.05 * (high - low)
        low, high = (low if low == 0 else low - room), high + room
    return low, high


def path(steps: Sequence[int], values: Values, last: int, low: float, high: float) -> str:
    """An SVG path; gaps where there is no finite number, what lies outside drawn along the edge."""
    parts: list[str] = []
    pen = "M"
    for step, value in thinned(steps, values):
        if value is None or not math.isfinite(value):
            pen = "M"
            continue
        x = SIDE * step / last
        y = SIDE * min(1.0, max(0.0, (high - value) / (high - low)))
        parts.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
    return "".join(parts)


def thinned(steps: Sequence[int], values: Values, most: int = MOST) -> list[tuple[int, float | None]]:
    """At the most that many points: of each stretch the least and the greatest, in their order."""
    if len(steps) <= most:
        return list(zip(steps, values, strict=True))
    points: list[tuple[int, float | None]] = []
    stretches = most // 2
    for number in range(stretches):
        part = range(number * len(steps) // stretches, (number + 1) * len(steps) // stretches)
        finite = [(value, i) for i in part if (value := values[i]) is not None and math.isfinite(value)]
        if not finite:
            points.append((steps[part[0]], None))
            continue
        chosen = sorted({min(finite)[1], max(finite)[1]})
        points += [(steps[i], values[i]) for i in chosen]
    if points[-1][0] != steps[-1]:
        points.append((steps[-1], values[-1]))
    return points


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers from `low` to `high`, about so many: multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / max(1, about)
    power = 10.0 ** math.floor(math.log10(rough))
    pace = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / pace - 1e-9)
    return [number * pace for number in range(first, math.floor(high / pace + 1e-9) + 1)]


def short(value: float) -> str:
    """A number on an axis: 0.05, 2e-5, 1,200."""
    if value == 0:
        return "0"
    size = abs(value)
    if size < 1e-3 or size >= 1e6:
        mantissa, __, exponent = f"{value:.2e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:,.0f}" if size >= 1000 else f"{value:.6g}" if size < 1 else f"{value:.4g}"
