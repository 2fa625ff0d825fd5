"""What an import would do, in words: counts by category and anomaly, examples of pairs, what stays out and why."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

from ..language import _
from ..repairs.planners.imports import Intake, training_number, why_left

_EXAMPLES = 3
_REASONS = 12


def render_intake(intake: Intake, project: Path) -> str:
    """The whole plan as text, one line a fact."""
    return "\n".join(_lines(intake, project)) + "\n"


def _lines(intake: Intake, project: Path) -> Iterator[str]:
    yield _("{layout} in {source}", layout=intake.layout, source=intake.source)
    for category in intake.rows:
        folder = os.path.relpath(intake.folder / category, project)
        yield _(
            "  {folder}/: {train} good images to train/good, {test} to test/good",
            folder=folder,
            train=intake.good(category, "train"),
            test=intake.good(category, "test"),
        )
        if not intake.good(category, "train"):
            yield _("    no good image: pairs cannot be generated on backgrounds of good ones (--good DIR names some)")
        for anomaly, rows in intake.anomalies(category).items():
            yield _(
                "    test/{anomaly}: {number} images with masks; {trained} of them train (a third; with "
                "`train -- --selection all` all of them)",
                anomaly=anomaly,
                number=len(rows),
                trained=training_number(len(rows)),
            )
            yield from (f"      {_pair(row)}" for row in rows[:_EXAMPLES])
    if intake.crop:
        yield _(
            "  Squares of {crop} pixels around the defects are cut out of larger images; how many shows only then. "
            "import.json keeps from where.",
            crop=intake.crop,
        )
    if intake.left:
        yield _("  left out: {number}", number=len(intake.left))
        yield from (f"    {line}" for line in why_left(intake.left)[:_REASONS])
    if intake.copies:
        yield _("  Unchanged files are copied; import.json says where each is from.")
    else:
        yield _("  Unchanged files become links; the source is not written to. import.json says where each is from.")


def _pair(row: dict[str, Any]) -> str:
    masks = [PurePath(path).name for path in row["masks"]]
    outlines = [_("{number} outlines", number=len(row["shapes"]))] if row["shapes"] else []
    return f"{PurePath(row['image']).name} + {' + '.join([*masks[:4], *outlines])} -> {row['mask']}"
