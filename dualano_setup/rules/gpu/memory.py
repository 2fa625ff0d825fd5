"""How much GPU memory a run needs, by the bundled trainer's own arithmetic, and which settings would fit."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from types import ModuleType
from typing import Any

from ...light_dataclasses import replace
from ...settings.options import Settings
from ...system.bundle import bundle_root

# The trainer's package under a name of ours: a folder named `trainer` in the user's project must not get in its place.
_PACKAGE = "_dualano_bundled_trainer"


@lru_cache(maxsize=1)
def _arithmetic() -> ModuleType:
    """The bundle's trainer/memory/estimate.py, which needs only the standard library."""
    package = module_from_spec(ModuleSpec(_PACKAGE, None, is_package=True))
    package.__path__ = [str(bundle_root() / "trainer")]
    sys.modules[_PACKAGE] = package
    return importlib.import_module(f"{_PACKAGE}.memory.estimate")


# What CUDA and its libraries take at the very least; the trainer's estimate holds a likelier, larger margin.
_LEAST_CONTEXT = 512 * 1024**2


def need(settings: Settings) -> int:
    """Bytes of GPU memory that a run with these settings is likely to take on each GPU, text encoder trained."""
    return int(_estimate(settings).peak)


def least(settings: Settings) -> int:
    """Bytes below which the run cannot go: the tensors, which are counted exactly, and CUDA's own minimum."""
    return int(_estimate(settings).tensors) + _LEAST_CONTEXT


def _estimate(settings: Settings) -> Any:
    arithmetic = _arithmetic()
    return arithmetic.estimate(
        arithmetic.MemorySettings(
            train_batch_size=settings.batch_size,
            resolution=settings.resolution,
            mixed_precision=settings.mixed_precision,
            variant=settings.variant,
            rank=settings.rank,
            train_text_encoder=True,
            gradient_checkpointing=settings.gradient_checkpointing,
        )
    )


def fitting(settings: Settings, room: int, capability: tuple[int, int] | None) -> tuple[Settings, int] | None:
    """The settings nearest to the wanted ones that fit into `room` bytes, and their need; None when none do."""
    for candidate in _candidates(settings, capability):
        size = need(candidate)
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
