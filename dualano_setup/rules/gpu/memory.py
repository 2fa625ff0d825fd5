"""How much GPU memory a run needs, by the bundled trainer's own arithmetic, and which settings would fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...facts.fact import Known
from ...facts.sheet import FactSheet
from ...light_dataclasses import replace
from ...settings.options import Settings
from ...system.bundle import bundled

# What CUDA and its libraries take at the very least; the trainer's estimate holds a likelier, larger margin.
_LEAST_CONTEXT = 512 * 1024**2


def need(settings: Settings, images: int = 0) -> int:
    """Bytes of GPU memory that a run with these settings is likely to take on each GPU, text encoder trained.

    `images` is how many images train, whose latents are kept.
    """
    return int(_estimate(settings, images).peak)


def least(settings: Settings, images: int = 0) -> int:
    """Bytes below which the run cannot go: the tensors, which are counted exactly, and CUDA's own minimum."""
    return int(_estimate(settings, images).tensors) + _LEAST_CONTEXT


def training_images(sheet: FactSheet) -> int:
    """How many images the bundled trainer would train on; 0 where no data are seen."""
    number = sheet.dataset.value.number if isinstance(sheet.dataset, Known) else 0
    return int(bundled("content.share").training_count(number, "sorted", "bcm"))


def _estimate(settings: Settings, images: int) -> Any:
    arithmetic = bundled("memory.estimate")
    return arithmetic.estimate(
        arithmetic.MemorySettings(
            train_batch_size=settings.batch_size,
            resolution=settings.resolution,
            mixed_precision=settings.mixed_precision,
            variant=settings.variant,
            rank=settings.rank,
            train_text_encoder=True,
            gradient_checkpointing=settings.gradient_checkpointing,
            images=images,
            types=len(settings.each()),
        )
    )


def fitting(
    settings: Settings, room: int, capability: tuple[int, int] | None, images: int = 0
) -> tuple[Settings, int] | None:
    """The settings nearest to the wanted ones that fit into `room` bytes, and their need; None when none do."""
    for candidate in _candidates(settings, capability):
        size = need(candidate, images)
        if size <= room:
            return candidate, size
    return None


def _candidates(settings: Settings, capability: tuple[int, int] | None) -> Iterator[Settings]:
    """From what changes the result least to what changes it most: checkpointing, smaller steps, precision, size."""
    halves: list[Settings] = []
    batch, accumulate = settings.batch_size, settings.gradient_accumulation_steps
    while batch > 1:
        smaller = next(size for size in range(batch // 2, 0, -1) if batch % size == 0)
        batch, accumulate = smaller, accumulate * (batch // smaller)
        halves.append(replace(settings, batch_size=batch, gradient_accumulation_steps=accumulate))
    same_steps = [settings, *halves]
    yield from (replace(each, gradient_checkpointing=True) for each in same_steps)
    low = "bf16" if capability is None or capability >= (8, 0) else "fp16"
    if settings.mixed_precision == "no":
        yield from (replace(each, mixed_precision=low) for each in same_steps)
    lower = settings.mixed_precision if settings.mixed_precision != "no" else low
    yield from (replace(each, mixed_precision=lower, gradient_checkpointing=True) for each in same_steps)
    for resolution in (384, 256):
        if resolution < settings.resolution:
            smallest = same_steps[-1]
            yield replace(smallest, mixed_precision=lower, gradient_checkpointing=True, resolution=resolution)
