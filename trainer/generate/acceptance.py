"""Which pairs are still to be made, and what is said of those that are there."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np

from ..errors import TrainerError
from ..files.atomic import write_atomically
from .manifest import REJECTED, SUMMARY, Manifest, Record
from .settings import GenerationSettings


def outstanding(settings: GenerationSettings, manifest: Manifest) -> list[int]:
    """Indexes of the pairs that are not there yet, lowest first; none where enough are accepted."""
    if enough(settings, manifest):
        return []
    return [index for index in range(settings.most) if not manifest.done(index)]


def usable(manifest: Manifest) -> int:
    """How many accepted pairs are there with all their files."""
    return sum(manifest.done(record.index) for record in manifest.accepted())


def enough(settings: GenerationSettings, manifest: Manifest) -> bool:
    """Whether as many pairs are accepted as were asked for."""
    return settings.accepted is not None and usable(manifest) >= settings.accepted


def progress(settings: GenerationSettings, manifest: Manifest, pending: int) -> str:
    """How much of what was asked for is there."""
    if settings.accepted is not None:
        there = f"{usable(manifest)} of {settings.accepted} accepted pairs are there already"
        return f"{there}, in {len(manifest.records)} pairs of at most {settings.most}"
    return f"{settings.most - pending} of {settings.most} pairs are there already"


def write_summary(manifest: Manifest) -> dict[str, Any]:
    """Write how many pairs were accepted, why the others were not, and how the accepted ones are spread."""
    records = list(manifest.records.values())
    accepted = manifest.accepted()
    summary = {
        "pairs": len(records),
        "accepted": len(accepted),
        "rejected": len(records) - len(accepted),
        "reasons": dict(Counter(reason for record in records for reason in record.reasons).most_common()),
        # Grey levels; see `likeness.distance`. Median over the accepted pairs.
        "nearest_training": _median(accepted, "nearest_training"),
        "nearest_in_set": _median(accepted, "nearest_in_set"),
    }
    text = json.dumps(summary, indent=2) + "\n"
    write_atomically(manifest.folder / SUMMARY, lambda path: path.write_text(text, encoding="utf-8"))
    return summary


def _median(records: list[Record], name: str) -> float | None:
    values = [record.measures[name] for record in records if name in record.measures]
    return round(float(np.median(values)), 2) if values else None


def conclude(settings: GenerationSettings, manifest: Manifest) -> None:
    """Say what there is now.

    Raises:
        TrainerError: fewer pairs were accepted than asked for, or none at all.
    """
    summary = write_summary(manifest)
    accepted, rejected = summary["accepted"], summary["rejected"]
    print(f"{accepted} pairs accepted, {rejected} rejected, in {settings.output_dir}")
    reasons = ", ".join(f"{reason} {count}" for reason, count in summary["reasons"].items())
    if reasons:
        print(f"reasons: {reasons} (a pair may have several)")
    words = Counter(record.rejected for record in manifest.records.values() if record.rejected)
    if rejected > accepted:
        print(f"most often because {words.most_common(1)[0][0]}; longer training usually cures that")
    if settings.accepted is not None and not enough(settings, manifest):
        raise TrainerError(
            f"{accepted} of {settings.accepted} pairs are accepted after {len(manifest.records)} pairs, and --limit is "
            f"{settings.most}. They stay in {settings.output_dir}: a larger --limit goes on from there."
        )
    if not accepted:
        raise TrainerError(f"None of the {rejected} pairs was accepted; they are in {settings.output_dir / REJECTED}.")
