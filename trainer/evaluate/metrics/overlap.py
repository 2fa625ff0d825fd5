"""PRO: the per-region overlap, integrated over false positive rates up to a limit.

Definition: P. Bergmann et al., "Uninformed Students" (CVPR 2020), as the MVTec 3D-AD evaluation code has it, which
AnomalyDiffusion, DualAnoDiff and O2MAG use: thresholds at equally spaced ranks of the scores of all normal pixels.

That code sorts every normal pixel and walks through each region's pixels once a threshold. Here the thresholds are
selected, not sorted for: the upper 16 bits of a score give its group among some 250 of about equal size, a histogram
tells in which groups the thresholds lie, and only the scores of those groups are sorted. The overlap of all regions
is one weighted histogram. Both give the same numbers.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...masks.regions import load_opencv

_OTHER = 255  # the group of scores that bits do not order
_INFINITE = 0x7F80  # the upper 16 bits of a float32 are at least this where it is infinite, no number, or negative
_EVERY = 61  # pixels, of which one is in the sample


@dataclass(frozen=True, slots=True)
class Overlap:
    """The area under the curve, divided by the limit, and the curve by ascending false positive rate, up to just
    above the
    limit.

    `area` is NaN, and the curve empty, where no region or no normal pixel is there.
    """

    area: float
    rates: npt.NDArray[np.float64]
    overlaps: npt.NDArray[np.float64]


def region_overlap(
    maps: Sequence[npt.NDArray[Any]], regions: Sequence[npt.NDArray[Any]], limit: float = 0.3, thresholds: int = 100
) -> Overlap:
    """PRO of N score maps (H, W) of any numeric type.

    Args:
        maps: higher = more anomalous.
        regions: masks of the same sizes; every 8-connected component of what is not 0 is a region.
        limit: of the false positive rate.
        thresholds: how many.

    Raises:
        ValueError: numbers or sizes differ, or a score is not finite.
    """
    if len(maps) != len(regions) or any(m.shape != r.shape for m, r in zip(maps, regions, strict=True)):
        raise ValueError("maps and masks differ in number or size")
    inside, weights = _inside(maps, regions)
    total = sum(one.size for one in maps)
    normal, count = total - len(inside), round(float(weights.sum()))  # each region weighs 1
    if not normal or not count:
        empty = np.zeros(0)
        return Overlap(float("nan"), empty, empty)
    positions = np.linspace(0, normal - 1, num=thresholds, dtype=int)
    rates = 1.0 - (positions + 1) / normal
    # Beyond the limit only the next threshold matters, to which the curve is interpolated.
    first = max(int(np.count_nonzero(rates > limit)) - 1, 0)
    positions, rates = positions[first:], rates[first:]
    at = _select(maps, regions, inside, positions)
    # A pixel is found where its score is above the threshold: at all thresholds before its place among them.
    found = np.bincount(_places(at, inside), weights, len(at) + 1)
    overlaps = found[::-1].cumsum()[::-1][1:] / count
    if not first:  # where everything is called anomalous
        rates, overlaps = np.insert(rates, 0, 1.0), np.insert(overlaps, 0, 1.0)
    rates, overlaps = rates[::-1], overlaps[::-1]
    return Overlap(_area(rates, overlaps, limit) / limit, rates, overlaps)


def _places(thresholds: npt.NDArray[Any], scores: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """How many of the ascending thresholds lie below each score."""
    within = (scores > thresholds[0]) & (scores <= thresholds[-1])
    places = np.where(scores > thresholds[-1], len(thresholds), 0)
    places[within] = np.searchsorted(thresholds, scores[within], "left")
    return np.asarray(places)


def _inside(
    maps: Sequence[npt.NDArray[Any]], regions: Sequence[npt.NDArray[Any]]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """The scores inside regions, and for each 1 / (pixels of its region)."""
    cv2 = load_opencv()
    scores: list[npt.NDArray[Any]] = []
    weights: list[npt.NDArray[np.float64]] = []
    for one, region in zip(maps, regions, strict=True):
        mask = (region != 0).view(np.uint8)
        left, top, width, height = cv2.boundingRect(mask)
        box = (slice(top, top + height), slice(left, left + width))
        if height:
            labels = cv2.connectedComponents(mask[box], connectivity=8, ltype=cv2.CV_32S)[1].reshape(-1)
            places = np.flatnonzero(labels != 0)
            labels = labels[places]
            scores.append(one[box].reshape(-1)[places])
            weights.append((1.0 / np.maximum(np.bincount(labels), 1))[labels])
    if not scores:
        return np.zeros(0, np.float32), np.zeros(0)
    return np.concatenate(scores), np.concatenate(weights)


def _select(
    maps: Sequence[npt.NDArray[Any]],
    regions: Sequence[npt.NDArray[Any]],
    inside: npt.NDArray[Any],
    positions: npt.NDArray[np.intp],
) -> npt.NDArray[Any]:
    """The scores of normal pixels at these ranks, ascending."""
    if all(one.dtype == np.float32 for one in maps):
        flat = [np.ascontiguousarray(one).reshape(-1) for one in maps]
        found = _select_by_bits(flat, inside, positions)
        if found is not None:
            return found
    scores = np.concatenate([one[region == 0] for one, region in zip(maps, regions, strict=True)])
    if scores.dtype.kind == "f" and not np.isfinite(scores).all():
        raise ValueError("maps hold scores that are not finite; nothing can be ranked by them")
    return np.sort(scores)[positions]


def _select_by_bits(
    maps: Sequence[npt.NDArray[np.float32]], inside: npt.NDArray[np.float32], positions: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32] | None:
    """`_select` for float32 of 0 or above, whose order is that of their bits; None where others are among them."""
    table = _table(maps, sum(map(len, maps)) - int(positions[0]))
    cv2 = load_opencv()

    def counted(one: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]:
        code = _coded(one, table)
        return code, cv2.calcHist([code[None]], [0], None, [256], [0, 256]).reshape(-1)

    def chosen(pair: tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        return pair[0].take(np.flatnonzero(cv2.LUT(pair[1][None], wanted).view(bool)))

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:  # NumPy and OpenCV let go of the interpreter
        rows = list(pool.map(counted, maps))
        counts = np.stack([count for _, count in rows]).sum(0, dtype=np.int64)
        if counts[_OTHER]:
            return None
        own = _coded(np.ascontiguousarray(inside), table)
        normal = counts - np.bincount(own, minlength=256)
        ends = normal.cumsum()
        groups = np.searchsorted(ends, positions, "right")
        wanted = np.zeros(256, np.uint8)
        wanted[groups] = 1
        parts = list(pool.map(chosen, zip(maps, (code for code, _ in rows), strict=True)))
    candidates = _without(np.sort(np.concatenate(parts)), np.sort(inside[wanted[own] == 1]))
    # The candidates lack what lies in other groups below.
    kept = np.where(wanted, normal, 0)
    return np.asarray(candidates[positions - (ends - normal)[groups] + (kept.cumsum() - kept)[groups]])


def _table(maps: Sequence[npt.NDArray[np.float32]], above: int) -> npt.NDArray[np.uint8]:
    """(65536,): the upper 16 bits of a score to its group; groups ascend with scores.

    Group 0 holds about all but the highest `above` scores, which the others divide evenly, by a sample. A sample that
    misleads makes groups uneven, and nothing wrong. `_OTHER` is for what is not finite or below 0.
    """
    sample = np.sort(np.concatenate([one[::_EVERY] for one in maps]))
    first = max(len(sample) - int(1.1 * above / _EVERY) - 1, 0)
    edges = sample[np.linspace(first, len(sample) - 1, _OTHER - 1, dtype=int)]
    upper = np.unique(edges.view(np.uint32) >> 16)
    table = np.searchsorted(upper, np.arange(1 << 16), "right").astype(np.uint8)
    table[_INFINITE:] = _OTHER
    return table


def _coded(scores: npt.NDArray[np.float32], table: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    upper = np.empty(len(scores), np.uint16)
    np.right_shift(scores.view(np.uint32), 16, out=upper, casting="unsafe")
    return table.take(upper, mode="clip")


def _without(ordered: npt.NDArray[Any], out: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A sorted list without the values of another, which it holds, each as often as it stands there."""
    keep = np.ones(len(ordered), bool)
    keep[np.searchsorted(ordered, out, "left") + np.arange(len(out)) - np.searchsorted(out, out, "left")] = False
    return ordered[keep]


def _area(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], limit: float) -> float:
    """The integral of y over x from x[0] to `limit` by trapezoids, y interpolated at `limit`."""
    x, first = np.asarray(x), y
    if limit not in x:
        place = int(np.searchsorted(x, limit, "right"))
        if 0 < place < len(x):
            share = (limit - x[place - 1]) / (x[place] - x[place - 1])
            last = y[place - 1] + share * (y[place] - y[place - 1])
            x, first = np.insert(x, place, limit), np.insert(y, place, last)
    kept = x <= limit
    x, first = x[kept], first[kept]
    return float((0.5 * (first[1:] + first[:-1]) * np.diff(x)).sum())
