"""AUROC, average precision and F1 over all thresholds, exactly, ties included, without sorting both classes together.

All three follow from how many negatives score at least as high as each positive: precision and recall change nowhere
else, and F1 cannot have its maximum at a threshold that no positive reaches. So the negatives, nearly all pixels, are
sorted once, by themselves and in their own type, and the few positives are looked up in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[Any]
Curve = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Positives against negatives, by descending thresholds.

    Attributes:
        thresholds: (T,), the distinct scores of positives, descending.
        hits: (T,), positives at or above each threshold.
        alarms: (T,), negatives at or above it.
        ties: (T,), negatives exactly at it.
        positives, negatives: how many there are.
    """

    thresholds: Scores
    hits: npt.NDArray[np.int64]
    alarms: npt.NDArray[np.int64]
    ties: npt.NDArray[np.int64]
    positives: int
    negatives: int

    @property
    def precision(self) -> Curve:
        """(T,), share of what is at or above each threshold that is positive."""
        return np.asarray(self.hits / np.maximum(self.hits + self.alarms, 1), np.float64)

    @property
    def recall(self) -> Curve:
        """(T,), share of the positives at or above each threshold; ascending."""
        return np.asarray(self.hits / max(self.positives, 1), np.float64)


def rank(labels: npt.NDArray[Any], scores: Scores) -> Ranking:
    """Rank scores of any shape and numeric type.

    Args:
        labels: true (or not 0) = positive; the same shape as `scores`.
        scores: higher = more anomalous.

    Raises:
        ValueError: shapes differ, or a score is not finite.
    """
    if np.shape(labels) != np.shape(scores):
        raise ValueError(f"labels have shape {np.shape(labels)}, scores {np.shape(scores)}; expected the same")
    flat, positive = np.ravel(scores), np.ravel(labels).astype(bool, copy=False)
    if flat.dtype.kind == "f" and not np.isfinite(flat).all():
        raise ValueError("scores hold values that are not finite; nothing can be ranked by them")
    found, below = np.sort(flat[positive]), np.sort(flat[~positive])
    distinct, first = np.unique(found, return_index=True)
    left, right = np.searchsorted(below, distinct, "left"), np.searchsorted(below, distinct, "right")
    order = slice(None, None, -1)
    hits, alarms, ties = len(found) - first, len(below) - left, right - left
    return Ranking(distinct[order], hits[order], alarms[order], ties[order], len(found), len(below))


def auroc(ranking: Ranking) -> float:
    """Chance that a positive outranks a negative, ties half (Mann and Whitney 1947); NaN where a class is missing."""
    if not ranking.positives or not ranking.negatives:
        return float("nan")
    each = np.diff(ranking.hits, prepend=0)
    worse = ranking.negatives - ranking.alarms + 0.5 * ranking.ties
    return float((each * worse).sum() / (ranking.positives * ranking.negatives))


def average_precision(ranking: Ranking) -> float:
    """Sum of precision times step of recall, no interpolation (scikit-learn's definition); NaN without positives."""
    if not ranking.positives:
        return float("nan")
    return float((np.diff(ranking.hits, prepend=0) * ranking.precision).sum() / ranking.positives)


def f1_max(ranking: Ranking) -> tuple[float, float]:
    """The largest F1 over all thresholds, and its threshold; NaN without positives."""
    if not ranking.positives:
        return float("nan"), float("nan")
    values = 2 * ranking.hits / (ranking.hits + ranking.alarms + ranking.positives)
    best = int(np.argmax(values))
    return float(values[best]), float(ranking.thresholds[best])


def f1_steps(
    labels: npt.NDArray[Any], scores: Scores, thresholds: npt.NDArray[np.float64], epsilon: float = 1e-8
) -> float:
    """The largest F1 over given thresholds, a score being positive *above* its threshold.

    AnomalyDiffusion's `test-localization.py` takes 0, 0.05, ..., 1 for pixels and adds `epsilon` to each denominator.
    """
    ascending = np.sort(thresholds)
    size = len(ascending) + 1

    def above(chosen: Scores) -> npt.NDArray[np.int64]:
        """How many scores are above each threshold."""
        place = np.searchsorted(ascending, np.asarray(chosen, np.float64), "left")
        return np.asarray(np.bincount(place, minlength=size)[::-1].cumsum()[::-1][1:], np.int64)

    flat, positive = np.ravel(scores), np.ravel(labels).astype(bool, copy=False)
    hits, called = above(flat[positive]), above(flat)
    precision, recall = hits / (called + epsilon), hits / (np.count_nonzero(positive) + epsilon)
    return float((2 * precision * recall / (precision + recall + epsilon)).max())


def thinned(ranking: Ranking, most: int = 400) -> tuple[Curve, Curve, Scores]:
    """At the most `most` points of the precision-recall curve, evenly over its recall: (recall, precision,
    threshold).
    """
    recall, precision = ranking.recall, ranking.precision
    wanted = np.searchsorted(recall, np.linspace(0, 1, most))
    kept = np.unique(np.minimum(wanted, max(len(recall) - 1, 0))) if len(recall) else np.zeros(0, np.intp)
    return recall[kept], precision[kept], ranking.thresholds[kept]
