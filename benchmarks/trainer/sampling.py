"""Seconds a generated pair takes, and peak memory, for each way of running the sampler.

    python -m benchmarks.trainer.sampling [--calls 6] [--output FILE] [--quick]

Random weights at Stable Diffusion 1.5's size, background module, guidance. A pair of S steps of PNDM takes S + 1
calls of the network; a few calls and one decoding are timed and multiplied.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from trainer.adapters import initial_values
from trainer.assembly import compile_model
from trainer.model import DualUNet
from trainer.objective import load_noise_schedule
from trainer.parameters import AdapterParameters
from trainer.sampling import Sampler, decode, make_scheduler

from .random_model import QUICK, RandomModel, Size

STEPS = 50
#: (name, dtype, pairs at a time, compiled)
WAYS = (
    ("fp32, 1 pair", torch.float32, 1, False),
    ("fp32, 4 pairs", torch.float32, 4, False),
    ("bf16, 1 pair", torch.bfloat16, 1, False),
    ("bf16, 4 pairs", torch.bfloat16, 4, False),
    ("bf16, 8 pairs", torch.bfloat16, 8, False),
    ("bf16, 16 pairs", torch.bfloat16, 16, False),
    ("bf16, 8 pairs, compiled", torch.bfloat16, 8, True),
)


def main() -> int:
    """Measure; a table on stderr, one JSON document on stdout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--calls", type=int, default=6)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--quick", action="store_true", help="reduced width, one pair, on the CPU")
    options = parser.parse_args()
    device = torch.device("cpu" if options.quick or not torch.cuda.is_available() else "cuda")
    torch.backends.cudnn.benchmark = False
    rows = []
    for name, dtype, pairs, compiled in WAYS[:1] if options.quick else WAYS:
        row = {"way": name} | measure(QUICK if options.quick else Size(), device, dtype, pairs, compiled, options.calls)
        rows.append(row)
        print(json.dumps(row), file=sys.stderr, flush=True)
        if options.output:
            options.output.write_text(json.dumps(rows, indent=1))
    print(json.dumps(rows, indent=1))
    return 0


def measure(
    size: Size, device: torch.device, dtype: torch.dtype, pairs: int, compiled: bool, calls: int
) -> dict[str, Any]:
    """Milliseconds of a call and of decoding, and what follows for a pair."""
    parts = RandomModel(size, device)
    unet = parts.unet().to(dtype)
    if device.type == "cuda" and dtype != torch.float32:
        unet = unet.to(memory_format=torch.channels_last)
    model = DualUNet(unet, variant="bcm", rank=32)
    values = initial_values({prefix: adapter.parts for prefix, adapter in model.adapters.items()}, 0)
    AdapterParameters(model.adapters, values, device=device, dtype=dtype)
    ddpm, vae = parts.scheduler(), parts.vae()
    text = torch.randn(2, 2, 77, size.text, device=device)
    side = size.resolution // 8
    shape = (pairs, 2, 4, side, side)
    run: Any = compile_model(model, "default") if compiled else model
    schedule = load_noise_schedule(ddpm, device)
    sampler = Sampler(run, make_scheduler("pndm", ddpm.config), schedule, text, steps=STEPS, guidance=2.0)
    condition = torch.randn(shape, device=device)

    def draw() -> torch.Tensor:
        return torch.randn(shape).to(device)

    def synchronised() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    steps = sampler.steps(draw().to(device), condition, draw)
    latents = [step.latents for step in islice(steps, 2)][-1]
    decode(vae, latents[:1], 0.18215)
    begin = synchronised()
    latents = [step.latents for step in islice(steps, calls)][-1]
    called = synchronised()
    decode(vae, latents, 0.18215)
    decoded = synchronised()
    call, decoding = (called - begin) / calls / pairs, (decoded - called) / pairs
    peak = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else None
    return {
        "ms_per_call_and_pair": round(1000 * call, 2),
        "ms_decoding_a_pair": round(1000 * decoding, 1),
        f"seconds_per_pair_{STEPS}_steps": round((STEPS + 1) * call + decoding, 3),
        "peak_gib": peak and round(peak, 2),
    }


if __name__ == "__main__":
    sys.exit(main())
