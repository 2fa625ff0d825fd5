"""evaluation.json: everything that was measured and everything that it depends on. Its schema lies beside this file."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

FORMAT = "dualano-evaluation-1"
SCHEMA_FILE = Path(__file__).with_name("evaluation.schema.json")
#: Student's t at 97.5 % by degrees of freedom; beyond, the normal's.
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
_PACKAGES = ("torch", "numpy", "torchvision", "torch-fidelity", "lpips")


def schema_text() -> str:
    """The JSON schema of the document."""
    return SCHEMA_FILE.read_text(encoding="utf-8")


def interval(values: Sequence[float]) -> float | None:
    """Half of the mean's 95 % interval by Student's t; None for fewer than two values."""
    if len(values) < 2:
        return None
    t = _T[len(values) - 2] if len(values) - 2 < len(_T) else 1.96
    return t * stdev(values) / math.sqrt(len(values))


def summarised(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Means over anomalies and categories for each seed, then over seeds: one row for each training and task.

    A seed counts where every category has it; metrics that a category lacks (a missing class) are left out of its mean.
    """
    found = []
    for task, training in dict.fromkeys((str(row["task"]), str(row["training"])) for row in rows):
        own = [row for row in rows if (row["task"], row["training"]) == (task, training)]
        by_seed = [[row for row in own if row["seed"] == seed] for seed in sorted({row["seed"] for row in own})]
        means = [_mean_over_categories(part) for part in by_seed]
        names = dict.fromkeys(name for mean in means for name in mean)
        metrics = {}
        for name in names:
            values = [mean[name] for mean in means if name in mean]
            metrics[name] = {"mean": fmean(values), "interval": interval(values), "seeds": len(values)}
        found.append({"task": task, "training": training, "metrics": metrics})
    return found


def _mean_over_categories(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    categories = dict.fromkeys(str(row["category"]) for row in rows)
    parts = [_mean([row["metrics"] for row in rows if row["category"] == category]) for category in categories]
    return _mean(parts)


def _mean(parts: Sequence[Mapping[str, float | None]]) -> dict[str, float]:
    names = dict.fromkeys(name for part in parts for name in part)
    values = {name: [value for part in parts if (value := part.get(name)) is not None] for name in names}
    return {name: fmean(own) for name, own in values.items() if own}


def versions(device: str) -> dict[str, str]:
    """What the numbers were computed with."""
    found = {"python": platform.python_version(), "device": device}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def text_of(document: Mapping[str, Any]) -> str:
    """As JSON, without numbers that JSON has no word for."""
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def notes_of(document: Mapping[str, Any]) -> Iterable[str]:
    """What a reader has to know beside the numbers, in sentences."""
    if document["departures"]:
        changed = ", ".join(f"{name} {there} instead of {own}" for name, (own, there) in document["departures"].items())
        yield f"Not the protocol's own constants: {changed}. These numbers compare with each other only."
    if document["mixed_precision"] != "no":
        yield "The networks computed in bf16 under autocast; the projects' scripts compute in float32."
    for name, row in document["categories"].items():
        checks = row["checks"]
        for key, words in _CHECKED.items():
            if checks[key]:
                yield f"{name}: {words.format(count=len(checks[key]))}"
        if row["untested"]:
            yield f"{name}: no generated pairs of {', '.join(row['untested'])}; these anomalies are not tested on."
        if len(row["anomalies"]) < 2:
            yield f"{name}: one anomaly alone, so there is nothing to classify."
    for row in document["left_out"]:
        yield f"Left out: {row['what']}. It needs {row['needs']}: {row['how']}."
    if any("from scratch" in row.get("start", "") for row in document["rows"]):
        yield "ResNet-34 started from scratch, not from ImageNet: below what the projects report by construction."


_CHECKED = {
    "leaks": "{count} test images are training images; results on them say nothing (--allow_leakage).",
    "twice": "{count} test images are there twice (--allow_leakage).",
    "inverted": "{count} masks look inverted (--allow_leakage).",
    "memorised": "{count} generated images are near-duplicates of training images.",
    "copied": "{count} generated images are near-duplicates of test images.",
}
