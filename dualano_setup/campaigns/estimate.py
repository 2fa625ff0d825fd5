"""GPU-hours and disk of a plan, from what was measured (benchmarks/trainer/RESULTS.md) on one card. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .plan import Plan

CARD = "NVIDIA H200"
# Seconds: 35.7, 50.4 and 82.6 ms a step with 1, 2 and 4 samples in bf16, 25.2 with 2 at 256 pixels; 264 ms in float32.
_STEP, _SAMPLE, _CHECKPOINTING, _FULL = 0.0206, 0.0155, 1.3, 5.24
# 0.70 s a pair, 8 at once, 50 steps, bf16; 3.86 s in float32.
_PAIR, _PAIR_FULL = 0.70, 3.86
_SET_UP = 30.0  # seconds to load a model and record the graph, for each of the two
# Bytes at rank 32 with the text encoder: weights 0.61 GB, and a checkpoint with AdamW's two moments beside them.
_WEIGHTS, _OF_RANK = 0.61e9, 32
_CHECKPOINT = 3 * _WEIGHTS
_PIXEL = 5.5  # bytes of a pair's three pictures for each pixel of one
_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a plan takes. `disk` is what stays, `peak` what is needed on top while one job trains; both bytes."""

    gpu_hours: float
    disk: float
    peak: float


def estimate(plan: Plan) -> Estimate:
    """For the jobs that can work, if every pair is accepted at once. Evaluation is not in it: it was never measured."""
    settings = plan.wanted["settings"]
    jobs = [job for job in plan.working if job.anomaly]
    trains, generates = (sum(step in job.steps for job in jobs) for step in ("train", "generate"))
    pairs = generates * plan.wanted["accepted"]
    seconds = trains * (plan.train_steps * step_seconds(settings) + _SET_UP)
    share = (settings["resolution"] / 512) ** 2
    pair = _PAIR_FULL if settings["mixed_precision"] == "no" else _PAIR
    seconds += pairs * pair * share + generates * _SET_UP
    rank = settings["rank"] / _OF_RANK
    pictures = pairs * _PIXEL * settings["resolution"] ** 2
    exports = sum("export" in job.steps for job in plan.working)
    disk = trains * _WEIGHTS * rank + pictures * (2 if exports else 1)
    return Estimate(seconds / 3600, disk, 2 * _CHECKPOINT * rank if trains else 0.0)


def step_seconds(settings: dict[str, Any]) -> float:
    """Seconds of one training step there."""
    samples = settings["batch_size"] * (settings["resolution"] / 512) ** 2
    seconds = settings["gradient_accumulation_steps"] * (_STEP + _SAMPLE * samples)
    seconds *= _CHECKPOINTING if settings["gradient_checkpointing"] else 1.0
    return float(seconds * (_FULL if settings["mixed_precision"] == "no" else 1.0))


def gibibytes(size: float) -> float:
    """Bytes as GiB."""
    return size / _GIB
