"""Going on where an earlier run of the project ended: which run that is, and the words that say how."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from ...language import _
from ...settings.options import Settings
from ..ending import newest_checkpoint
from ..folder import every
from ..records import RunRecord
from .arguments import bundled_arguments, value_of

# Runs of other images or another variant have other weights.
_SAME = ("--instance_data_dir", "--variant")


def is_like(record: RunRecord, wanted: Sequence[str]) -> bool:
    """Whether a run trained what the bundled trainer's argument list `wanted` says, as far as both say it."""
    pairs = ((value_of(flag, record.argv), value_of(flag, wanted)) for flag in _SAME)
    return all(had == wants for had, wants in pairs if had is not None and wants is not None)


def in_earlier_output(settings: Settings, extra: Sequence[str]) -> tuple[list[str], str]:
    """ARGS that let `--resume_from_checkpoint latest` (or `auto`) find what the newest like run left, and a note.

    Every run has an output folder of its own, so the trainer would look for checkpoints in an empty one. ARGS stay as
    they are, and the note is empty, when they or the settings name an output folder, or no like run left a checkpoint.
    """
    named = value_of("--output_dir", extra) or settings.output
    if value_of("--resume_from_checkpoint", extra) not in ("latest", "auto") or named:
        return list(extra), ""
    wanted = bundled_arguments(settings, Path(), extra)
    for folder in reversed(every(settings.state)):
        record = folder.record()
        if record is None or not is_like(record, wanted):
            continue
        if record.trainer == "bundled" and (checkpoint := newest_checkpoint(Path(record.output))):
            note = _("goes on from {checkpoint} of run {run}", checkpoint=checkpoint, run=folder.name)
            return [*extra, "--output_dir", record.output], note
    return list(extra), ""


def how_to_go_on(record: RunRecord) -> str:
    """The line that says how a run that ended early is gone on with; empty when it left no checkpoint."""
    newest = newest_checkpoint(Path(record.output))
    if not newest or record.trainer != "bundled":
        return ""
    again = f"-- --output_dir {shlex.quote(record.output)} --resume_from_checkpoint latest"
    return _("go on from {newest}: dualano-doctor train {again}", newest=newest, again=again)
