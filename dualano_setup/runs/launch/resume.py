"""Going on where an earlier run of the project ended: which run that is, and the words that say how."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...explain.last_error import read_end
from ...language import _
from ...light_dataclasses import replace
from ...settings.options import Settings
from ..ending import newest_checkpoint
from ..folder import RunFolder, every
from ..records import RunRecord
from .arguments import bundled_arguments, value_of, without
from .command_line import STARTER

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
    return _("go on from {newest}: dualano-doctor resume {run}", newest=newest, run=record.name)


def own_arguments(run: RunFolder, record: RunRecord) -> list[str]:
    """The trainer's arguments of a run of the bundled trainer, so that it goes on where it ended.

    Of a project that was moved since, they name the places where things are now.
    """
    starter = next(n for n, argument in enumerate(record.argv) if Path(argument).name == STARTER)
    old = Path(record.argv[starter]).parents[4] if len(Path(record.argv[starter]).parents) > 4 else None
    new = run.path.parents[2]
    given = [_moved(argument, old, new) for argument in record.argv[starter + 1 :]]
    given = without(["--resume_from_checkpoint", "--initial_weights", "--output_dir"], given)
    return [*given, "--output_dir", _moved(record.output, old, new), "--resume_from_checkpoint", "latest"]


def as_the_run_had_them(settings: Settings, run: RunFolder, record: RunRecord) -> Settings:
    """The settings that a run was started with, as far as its record tells them; the rest as they are now."""
    said = own_arguments(run, record)
    changes: dict[str, Any] = {}
    for flag, key in (("--pretrained_model_name_or_path", "model"), ("--condition_dir", "foreground")):
        if (value := value_of(flag, said)) is not None:
            changes[key] = Path(record.folder, value)
    images = Path(record.folder, value_of("--instance_data_dir", said) or "")
    if images.parent.name == "test" and len(images.parents) > 2:
        changes |= {
            "data": images.parents[2],
            "category": images.parents[1].name,
            "anomaly": images.name,
            "anomalies": (),
        }
    interpreter = Path(record.argv[0])
    if "env" not in settings.said_by and interpreter.is_file():
        changes["env"] = interpreter.parent.parent
    accelerate = read_end(run.accelerate)
    for key in ("mixed_precision", "num_processes"):
        if found := re.search(rf"^{key}: '?(\w+)'?$", accelerate, re.MULTILINE):
            changes[key] = int(found[1]) if found[1].isdigit() else found[1]
    if (variant := value_of("--variant", said)) in ("bcm", "dual"):
        changes["variant"] = variant
    return replace(settings, **changes, output=None)


def _moved(argument: str, old: Path | None, new: Path) -> str:
    if old is None or old == new or not argument.startswith(f"{old}/") or Path(argument).exists():
        return argument
    return str(new / Path(argument).relative_to(old))
