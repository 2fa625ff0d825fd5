"""PRO beside the loops that it replaces, on the same maps: seconds, and the difference of the results.

    python -m benchmarks.evaluate.pro [--maps 500] [--side 256] [--clone DIR_OF_ANOMALYDIFFUSION]

Three ways: this project's; AnomalyDiffusion's own file, from a clone that the user names (nothing of it is kept here);
and the loop over thresholds and components as most scripts of the field write it, here from the definition: at each
threshold, for each component, the share of its pixels that are found.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from trainer.evaluate.metrics.overlap import region_overlap

Map = npt.NDArray[Any]


def label(mask: Map, _structure: Any = None) -> tuple[Map, int]:
    """8-connected components, as SciPy's function of that name gives them."""
    count, labels = cv2.connectedComponents((mask != 0).astype(np.uint8), connectivity=8)
    return labels, count - 1


def original(clone: Path) -> Callable[[list[Map], list[Map]], float]:
    """`calculate_au_pro` of a clone of AnomalyDiffusion. Newer SciPy has moved `label`, hence the stand-in."""
    try:
        from scipy.ndimage import label as of_scipy
    except ImportError:
        of_scipy = label
    stand_in: Any = ModuleType("scipy.ndimage.measurements")
    stand_in.label = of_scipy
    for name in ("scipy", "scipy.ndimage"):
        sys.modules.setdefault(name, ModuleType(name))
    sys.modules["scipy.ndimage.measurements"] = stand_in
    space: dict[str, Any] = {}
    exec((clone / "unet_utils" / "au_pro_util.py").read_text(encoding="utf-8"), space)
    return lambda maps, masks: float(space["calculate_au_pro"](masks, maps)[0])


def looped(maps: list[Map], masks: list[Map], limit: float = 0.3, thresholds: int = 100) -> float:
    """The definition, threshold by threshold and component by component."""
    labelled = [label(mask)[0] for mask in masks]
    normal = np.sort(np.concatenate([one[labels == 0] for one, labels in zip(maps, labelled, strict=True)]))
    rates, overlaps = [1.0], [1.0]
    for place in np.linspace(0, len(normal) - 1, thresholds, dtype=int):
        shares = []
        for one, labels in zip(maps, labelled, strict=True):
            found = one > normal[place]
            for number in range(1, labels.max() + 1):
                component = labels == number
                shares.append(np.count_nonzero(found & component) / np.count_nonzero(component))
        rates.append(1 - (place + 1) / len(normal))
        overlaps.append(float(np.mean(shares)))
    x, y = np.array(rates[::-1]), np.array(overlaps[::-1])
    at_limit = np.interp(limit, x, y)
    kept = x < limit
    x, y = np.append(x[kept], limit), np.append(y[kept], at_limit)
    return float((0.5 * (y[1:] + y[:-1]) * np.diff(x)).sum() / limit)


def invented(count: int, side: int, seed: int = 0) -> tuple[list[Map], list[Map]]:
    """Maps as a network gives them, float32 in 0..1, and masks of 1 to 5 ellipses; every fourth picture is good."""
    draws = np.random.default_rng(seed)
    maps, masks = [], []
    for number in range(count):
        mask = np.zeros((side, side), np.uint8)
        for _ in range(int(draws.integers(1, 6)) if number % 4 else 0):
            centre, axes = draws.integers(side // 12, side - side // 12, 2), draws.integers(3, side // 6, 2)
            cv2.ellipse(mask, centre.tolist(), axes.tolist(), float(draws.integers(180)), 0, 360, 1, -1)
        logits = 3 * cv2.GaussianBlur(mask.astype(np.float32), (0, 0), side / 40) - 3
        logits += draws.normal(0, 1, mask.shape).astype(np.float32)
        maps.append((1 / (1 + np.exp(-logits))).astype(np.float32))
        masks.append(mask.astype(np.float32))
    return maps, masks


def timed(what: str, work: Callable[[], float], repeats: int = 1) -> tuple[float, float]:
    """(best seconds, result), both printed."""
    best, value = float("inf"), 0.0
    for _ in range(repeats):
        began = time.perf_counter()
        value = work()
        best = min(best, time.perf_counter() - began)
    print(f"{what}: {best:.3f} s, PRO {value:.9f}", flush=True)
    return best, value


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluate.pro", description=__doc__)
    parser.add_argument("--maps", type=int, default=500)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--clone", type=Path)
    options = parser.parse_args()
    maps, masks = invented(options.maps, options.side)
    print(f"{options.maps} maps of {options.side} px, {sum(label(mask)[1] for mask in masks)} regions")
    own, value = timed("here", lambda: region_overlap(maps, masks).area, 3)
    others = {"loop over thresholds and components": lambda: looped(maps, masks)}
    if options.clone:
        theirs = original(options.clone)
        others["AnomalyDiffusion's au_pro_util.py"] = lambda: theirs(maps, masks)
    for what, work in others.items():
        seconds, other = timed(what, work)
        print(f"  {seconds / own:.1f} times as long, difference {abs(other - value):.1e}")


if __name__ == "__main__":
    main()
