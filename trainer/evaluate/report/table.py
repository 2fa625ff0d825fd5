"""The results as Markdown, for a paper and for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .document import notes_of, summarised

#: Columns of each task: key, heading, factor, decimals.
COLUMNS: dict[str, tuple[tuple[str, str, float, int], ...]] = {
    "localisation": (
        ("image_auroc", "AUROC-I", 100, 1),
        ("image_ap", "AP-I", 100, 1),
        ("image_f1", "F1-I", 100, 1),
        ("pixel_auroc", "AUROC-P", 100, 1),
        ("pixel_ap", "AP-P", 100, 1),
        ("pixel_f1", "F1-P", 100, 1),
        ("pixel_pro", "PRO", 100, 1),
    ),
    "classification": (("accuracy", "accuracy", 100, 1),),
    "quality": (
        ("is", "IS", 1, 2),
        ("kid", "KID x 1000", 1, 2),
        ("fid", "FID", 1, 1),
        ("ic_lpips", "IC-LPIPS", 1, 3),
    ),
}
_NAMES = {
    "generated": "generated",
    "real": "real anomalies of training alone (no generation)",
    "augmentation": "the same, augmented",
    "cutpaste": "CutPaste",
    "perlin": "Perlin (DRAEM)",
    "none": "good images alone",
}


def markdown(document: Mapping[str, Any]) -> str:
    """The whole report in Markdown."""
    rows = document["rows"]
    lines = [f"# Evaluation, protocol {document['protocol']}", ""]
    lines += [f"- {note}" for note in notes_of(document)]
    lines += ["", *_counts(document)]
    for task in COLUMNS:
        own = [row for row in rows if row["task"] == task and row["metrics"]]
        if not own:
            continue
        reported = next((row["reported"] for row in own if "reported" in row), "")
        lines += ["", f"## {task.capitalize()}{f', {reported} epoch' if reported == 'last' else _best(reported)}", ""]
        lines += _table(summarised(own), task)
        other = "best_on_test" if reported == "last" else "last"
        if reported:
            beside = [{**row, "metrics": _numbers(row[other])} for row in own]
            words = "best epoch on the test set" if other == "best_on_test" else "last epoch"
            lines += ["", f"Beside it, the {words}:", "", *_table(summarised(beside), task)]
        categories = dict.fromkeys(row["category"] for row in own)
        for category in categories if len(categories) > 1 else ():
            part = [row for row in own if row["category"] == category]
            lines += ["", f"### {category}", "", *_table(summarised(part), task)]
    return "\n".join(lines) + "\n"


def _best(reported: str) -> str:
    return ", best epoch on the test set, as the protocol has it" if reported else ""


def _numbers(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "epoch"}


def _counts(document: Mapping[str, Any]) -> Iterable[str]:
    yield "| category | anomaly | generated | trained on | tested on |"
    yield "| --- | --- | ---: | ---: | ---: |"
    for name, row in document["categories"].items():
        for anomaly in row["anomalies"]:
            yield f"| {name} | {anomaly['name']} | {anomaly['generated']} | {anomaly['trained']} | {anomaly['test']} |"
        yield f"| {name} | good | | {row['train_good']} | {row['test_good']} |"


def _table(summary: Sequence[Mapping[str, Any]], task: str) -> Iterable[str]:
    columns = [column for column in COLUMNS[task] if any(column[0] in row["metrics"] for row in summary)]
    yield f"| training | {' | '.join(heading for _, heading, _, _ in columns)} |"
    yield f"| --- |{' ---: |' * len(columns)}"
    for row in summary:
        cells = [_cell(row["metrics"].get(key), factor, decimals) for key, _, factor, decimals in columns]
        yield f"| {_NAMES.get(row['training'], row['training'])} | {' | '.join(cells)} |"


def _cell(value: Mapping[str, Any] | None, factor: float, decimals: int) -> str:
    if value is None:
        return "-"
    text = f"{value['mean'] * factor:.{decimals}f}"
    return text if value["interval"] is None else f"{text} ± {value['interval'] * factor:.{decimals}f}"
