"""Seconds a generated pair takes, and peak memory, for each way of running the sampler.

    python -m benchmarks.trainer.sampling [--rounds 2] [--output FILE] [--quick]

Random weights at Stable Diffusion 1.5's size, background module, guidance. Whole batches are timed, from the drawing
of the noise to the pixels on the host, after one short batch that warms up.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.trainer.random_model import QUICK, RandomModel, Size
from trainer.generate.generator import PRESET, Generator, Preset, replayed
from trainer.method.adapters import initial_values
from trainer.method.merged import merge_adapters
from trainer.method.objective import load_noise_schedule
from trainer.method.sampling import Sampler, make_scheduler
from trainer.method.unet import DualUNet
from trainer.optim.flat_parameters import AdapterParameters

STEPS = 50
FAST_STEPS = 20
#: (name, dtype, pairs at a time, whether pairs on one background share its noise, what --fast saves)
WAYS: tuple[tuple[str, torch.dtype, int, bool, Preset | None], ...] = (
    ("bf16, 8 pairs", torch.bfloat16, 8, True, None),
    ("bf16, 8 pairs, --fast", torch.bfloat16, 8, True, PRESET),
    ("bf16, 8 pairs, --faithful", torch.bfloat16, 8, False, None),
    ("bf16, 1 pair", torch.bfloat16, 1, True, None),
    ("bf16, 4 pairs", torch.bfloat16, 4, True, None),
    ("fp32, 4 pairs", torch.float32, 4, True, None),
)


def main() -> int:
    """Measure; a table on stderr, one JSON document on stdout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=2, help="batches that are timed (2)")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--first", type=int, metavar="N", help="measure the first N ways only")
    parser.add_argument("--quick", action="store_true", help="reduced width and few steps, on the CPU")
    options = parser.parse_args()
    device = torch.device("cpu" if options.quick or not torch.cuda.is_available() else "cuda")
    rows = []
    for name, dtype, pairs, shared, fast in WAYS[-1:] if options.quick else WAYS[: options.first]:
        steps = 4 if options.quick else FAST_STEPS if fast else STEPS
        size = QUICK if options.quick else Size()
        row = {"way": name} | measure(size, device, dtype, pairs, options.rounds, steps, shared=shared, fast=fast)
        rows.append(row)
        print(json.dumps(row), file=sys.stderr, flush=True)
        if options.output:
            options.output.write_text(json.dumps(rows, indent=1))
    print(json.dumps(rows, indent=1))
    return 0


def make_generator(
    size: Size, device: torch.device, dtype: torch.dtype, steps: int, *, shared: bool, fast: Preset | None = None
) -> Generator:
    """The product's generator around random weights; its conditions are set by `measure`."""
    parts = RandomModel(size, device)
    unet = parts.unet()
    model = DualUNet(unet, variant="bcm", rank=32)
    values = initial_values({prefix: adapter.parts for prefix, adapter in model.adapters.items()}, 0)
    AdapterParameters(model.adapters, values, device=device)
    merge_adapters(model)
    model.to(dtype)
    if device.type == "cuda":
        unet.to(memory_format=torch.channels_last)
    ddpm, side = parts.scheduler(), size.resolution // 8
    text = torch.randn(2, 2, 77, size.text, device=device)
    schedule = load_noise_schedule(ddpm, device)
    network, saved = replayed(model, fast)
    scheduler = make_scheduler("dpm++" if fast else "pndm", ddpm.config)
    sampler = Sampler(network, scheduler, schedule, text, steps=steps, guidance=2.0, fast=saved)
    conditions: Any = RandomConditions(torch.randn(2, 4, side, side, device=device))
    return Generator(sampler, parts.vae(), 0.18215, (4, side, side), conditions, device, 0, shared)


class RandomConditions:
    """Stands for `trainer.data.backgrounds.Backgrounds`, which keeps what it has encoded.

    Args:
        latents: (2, 4, h, w), of mid-grey and of the one background.
    """

    def __init__(self, latents: torch.Tensor) -> None:
        self._latents = latents

    def number(self, _index: int) -> int:
        """All pairs see the same background."""
        return 0

    def latents(self, _numbers: Sequence[int], noise: torch.Tensor) -> torch.Tensor:
        """Mid-grey and the background: mean plus noise."""
        return self._latents + noise.to(self._latents.device)


def measure(
    size: Size,
    device: torch.device,
    dtype: torch.dtype,
    pairs: int,
    rounds: int,
    steps: int,
    *,
    shared: bool,
    fast: Preset | None = None,
) -> dict[str, Any]:
    """Seconds and peak of whole batches."""
    generator = make_generator(size, device, dtype, steps, shared=shared, fast=fast)
    begin = time.perf_counter()
    generator.pairs(range(pairs))
    first = time.perf_counter() - begin
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = []
    for number in range(1, rounds + 1):
        begin = time.perf_counter()
        generator.pairs(range(number * pairs, (number + 1) * pairs))  # ends with pixels on the host
        seconds.append((time.perf_counter() - begin) / pairs)
    peak = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else None
    return {
        "steps": steps,
        "seconds_per_pair": [round(value, 4) for value in seconds],
        "first_batch_seconds": round(first, 1),
        "peak_gib": peak and round(peak, 2),
    }


if __name__ == "__main__":
    sys.exit(main())
