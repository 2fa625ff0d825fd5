"""IS, FID, KID and IC-LPIPS from features and distances that somebody else computed. NumPy alone, in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
#: torch-fidelity's own seed, with which it shuffles and draws subsets.
FIDELITY_SEED = 2020


def inception_score(logits: Array, splits: int = 10, seed: int = FIDELITY_SEED) -> tuple[float, float]:
    """Mean and deviation over splits of exp(E KL(p(y|x), p(y))) (T. Salimans et al. 2016), as torch-fidelity has it.

    Args:
        logits: (N, C).
        splits: how many; NaN where one of them would be empty.
        seed: of the shuffle before splitting.
    """
    count = len(logits)
    if count < splits:
        return float("nan"), float("nan")
    rows = np.asarray(logits, np.float64)[np.random.RandomState(seed).permutation(count)]
    rows = rows - rows.max(1, keepdims=True)
    logs = rows - np.log(np.exp(rows).sum(1, keepdims=True))
    chances, scores = np.exp(logs), []
    for number in range(splits):
        part = slice(number * count // splits, (number + 1) * count // splits)
        mean = chances[part].mean(0)
        scores.append(np.exp((chances[part] * (logs[part] - np.log(mean))).sum(1).mean()))
    return float(np.mean(scores)), float(np.std(scores))


def frechet_distance(one: Array, other: Array) -> float:
    """FID of features (N, D) and (M, D) (M. Heusel et al. 2017); NaN with fewer than two rows.

    The trace of the root of the product of both covariances is the sum of the singular values of the product of the
    centred features: exact where there are fewer pictures than features, where a root of a matrix is noise.
    """
    if min(len(one), len(other)) < 2:
        return float("nan")
    parts = [np.asarray(rows, np.float64) for rows in (one, other)]
    means = [rows.mean(0) for rows in parts]
    centred = [(rows - mean) / np.sqrt(len(rows) - 1) for rows, mean in zip(parts, means, strict=True)]
    if min(map(len, parts)) > parts[0].shape[1]:  # then the triangular factors are smaller
        centred = [np.linalg.qr(rows, mode="r") for rows in centred]
    root = np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum()
    spread = sum(float((rows**2).sum()) for rows in centred)
    return float(((means[0] - means[1]) ** 2).sum() + spread - 2 * root)


def kernel_distance(one: Array, other: Array) -> float:
    """Unbiased squared MMD of features (N, D) and (M, D) with the kernel (x y / D + 1)^3 (M. Binkowski et al. 2018)."""
    x, y = np.asarray(one, np.float64), np.asarray(other, np.float64)
    n, m, width = len(x), len(y), x.shape[1]
    if min(n, m) < 2:
        return float("nan")
    xx, yy, xy = ((a @ b.T / width + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    inner = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return float(inner - 2 * xy.mean())


def kid(one: Array, other: Array, subset: int, subsets: int, draws: np.random.RandomState) -> tuple[float, float]:
    """Mean and deviation of `kernel_distance` over subsets of both, drawn without replacement, first one then other.

    torch-fidelity draws with `RandomState(2020)`, O2MAG with NumPy's global state.
    """
    size = min(subset, len(one), len(other))
    if size < 2:
        return float("nan"), float("nan")
    values = []
    for _ in range(subsets):
        rows = draws.choice(len(one), size, replace=False)
        values.append(kernel_distance(one[rows], other[draws.choice(len(other), size, replace=False)]))
    return float(np.mean(values)), float(np.std(values))


@dataclass(frozen=True, slots=True)
class Clustered:
    """IC-LPIPS (U. Ojha et al. 2021) as a protocol has it.

    Attributes:
        value: mean over clusters; where none counts, NaN.
        without_empty: the same over clusters of two pictures and more.
        sizes: how many pictures fell to each real one.
        compared: how many of them were compared.
    """

    value: float
    without_empty: float
    sizes: tuple[int, ...]
    compared: tuple[int, ...]


def ic_lpips(
    to_reals: Array,
    within: Callable[[list[int]], Array],
    *,
    most: int = 50,
    chosen: Literal["random", "first"] = "random",
    empty: Literal["dropped", "zero"] = "dropped",
    shuffle: Callable[[list[int]], None] | None = None,
) -> Clustered:
    """Intra-cluster distance: each picture falls to its nearest real one, then pairs within clusters are compared.

    Args:
        to_reals: (N, K) distances of N pictures to K real ones. A tie goes to the last with `dropped` (DualAnoDiff's
            script compares with <=), to the first with `zero` (SeaS' takes the argmin).
        within: distances (n, n) between the pictures of these places; only its upper triangle counts.
        most, chosen: pictures of a cluster that are compared.
        empty: what a cluster of fewer than two pictures counts.
        shuffle: in place, for `random`.
    """
    reals = to_reals.shape[1]
    nearest = to_reals.argmin(1) if empty == "zero" else reals - 1 - to_reals[:, ::-1].argmin(1)
    clusters: list[list[int]] = [np.flatnonzero(nearest == number).tolist() for number in range(reals)]
    sizes = tuple(map(len, clusters))
    means, compared = [], []
    for members in clusters:
        if chosen == "random" and shuffle:
            shuffle(members)
        kept = members[:most]
        compared.append(len(kept))
        if len(kept) > 1:
            means.append(float(np.asarray(within(kept), np.float64)[np.triu_indices(len(kept), 1)].mean()))
    full = float(np.mean(means)) if means else float("nan")
    value = sum(means) / reals if empty == "zero" and reals else full
    return Clustered(value, full, sizes, tuple(compared))
