"""One line on what a training will run with, and why: its settings, the GPU memory they take, who chose them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...facts.fact import Absent, Known
from ...facts.sheet import FactSheet, Gpu
from ...language import _
from ...light_dataclasses import replace
from ...rules.gpu.memory import need
from ...rules.gpu.visible import visible_gpus
from ...rules.wording import gib
from ...settings.options import SETTINGS_FILE, Settings
from ..launch.arguments import value_of
from ..launch.command_line import uses_cpu

_WHOLE = {"--train_batch_size": "batch_size", "--resolution": "resolution", "--rank": "rank"}
_TEXT = {"--mixed_precision": "mixed_precision", "--variant": "variant"}
# The settings that decide the memory, and so may have been chosen for it.
_CHOSEN = ("batch_size", "gradient_accumulation_steps", "gradient_checkpointing", "mixed_precision", "resolution")


def settings_in_words(
    settings: Settings, sheet: FactSheet, *, trainer: str, extra: Sequence[str], by_fix: bool = False
) -> str:
    """E.g. "bf16, batch 2, 512 px: about 5.1 GiB of the 7.4 GiB free on GPU 0 (NVIDIA RTX A4500)".

    `extra` are the trainer's own ARGS, which win over the settings; `by_fix`: dualano.toml still is as `fix` left it
    when it fitted the run to the GPU. The memory is the bundled trainer's: for the checkout's none is told.
    """
    told = with_arguments(settings, extra)
    said = _on_the_cpu(told, sheet) if uses_cpu(sheet) else _on_the_gpu(told, sheet, trainer)
    if told != settings:
        return _("{said}; what follows `--` holds", said=said)
    sources = dict.fromkeys(settings.said_by[key] for key in _CHOSEN if key in settings.said_by)
    if by_fix and any(Path(source).name == SETTINGS_FILE for source in sources):
        return _("{said}; `dualano-doctor fix` chose them to fit the GPU", said=said)
    return _("{said}; set by {sources}", said=said, sources=", ".join(sources)) if sources else said


def with_arguments(settings: Settings, extra: Sequence[str]) -> Settings:
    """The settings as the trainer will understand them. What it will refuse is left to it to refuse."""
    changes: dict[str, Any] = {}
    for flag, key in _WHOLE.items():
        said = value_of(flag, extra)
        if said is not None and said.isdigit() and int(said) > 0:
            changes[key] = int(said)
    for flag, key in _TEXT.items():
        if said := value_of(flag, extra):
            changes[key] = said
    if "--gradient_checkpointing" in extra:
        changes["gradient_checkpointing"] = True
    return replace(settings, **changes)


def _run(settings: Settings) -> str:
    precision = "float32" if settings.mixed_precision == "no" else settings.mixed_precision
    words: dict[str, object] = {"precision": precision, "batch": settings.batch_size, "pixels": settings.resolution}
    if settings.gradient_checkpointing:
        return _("{precision}, batch {batch}, {pixels} px, gradient checkpointing", **words)
    return _("{precision}, batch {batch}, {pixels} px", **words)


def _on_the_cpu(settings: Settings, sheet: FactSheet) -> str:
    run = _run(settings)
    if isinstance(sheet.gpus, Absent) or (isinstance(sheet.gpus, Known) and not sheet.gpus.value.devices):
        return _("{run} on the CPU: no GPU is visible", run=run)
    torch = sheet.environment.value.torch if isinstance(sheet.environment, Known) else None
    if torch and torch.cuda is None and torch.hip is None:
        return _("{run} on the CPU: torch {version} is built without CUDA", run=run, version=torch.version)
    return _("{run} on the CPU: CUDA_VISIBLE_DEVICES hides every GPU", run=run)


def _on_the_gpu(settings: Settings, sheet: FactSheet, trainer: str) -> str:
    run = _run(settings)
    if not isinstance(sheet.gpus, Known):
        return _("{run}; the GPU could not be looked at ({reason})", run=run, reason=sheet.gpus.reason)
    used = visible_gpus(sheet.gpus.value)[: settings.num_processes]
    if not used:
        return _("{run} on the CPU: CUDA_VISIBLE_DEVICES hides every GPU", run=run)
    tightest = min(used, key=_room)
    gpu = f"GPU {tightest.index} ({tightest.name})"
    if len(used) > 1:
        run = _("{run} on each of {count} GPUs", run=run, count=len(used))
    room, wanted = tightest.memory_total, gib(need(settings))
    if trainer != "bundled":
        return _("{run} on {gpu}", run=run, gpu=gpu)
    if room is None:
        return _("{run}: about {wanted} on {gpu}, whose memory is not known here", run=run, wanted=wanted, gpu=gpu)
    if tightest.memory_used is None:
        return _("{run}: about {wanted} of the {room} of {gpu}", run=run, wanted=wanted, room=gib(room), gpu=gpu)
    free = gib(room - tightest.memory_used)
    return _("{run}: about {wanted} of the {free} free on {gpu}", run=run, wanted=wanted, free=free, gpu=gpu)


def _room(gpu: Gpu) -> float:
    """Bytes free; endless where the memory is not known, so that a known GPU counts as the tightest."""
    return float("inf") if gpu.memory_total is None else gpu.memory_total - (gpu.memory_used or 0)
