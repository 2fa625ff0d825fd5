"""`python -m trainer.memory`: the GPU memory of a training run, from the trainer's flags.

    python -m trainer.memory --train_batch_size 2 --mixed_precision bf16 --train_text_encoder --json

Standard library only: the doctor runs it with an interpreter that has no torch.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from .estimate import GIB, MemorySettings, estimate


def parse_settings(argv: Sequence[str] | None = None) -> tuple[MemorySettings, bool]:
    """Settings from the trainer's flags (others are ignored, so a whole command line can be given)."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.memory",
        description="Predict the GPU memory of a run from the trainer's flags. A whole command line of the trainer's "
        "can be given: flags that need no memory are passed over.",
        allow_abbrev=False,
    )
    for flag, usual in (("train_batch_size", 2), ("resolution", 512), ("rank", 32)):
        parser.add_argument(f"--{flag}", type=int, default=usual, metavar="N", help="(%(default)s)")
    parser.add_argument("--mixed_precision", choices=("no", "fp16", "bf16"), default="no", help="(%(default)s)")
    parser.add_argument("--variant", choices=("bcm", "dual"), default="bcm", help="(%(default)s)")
    for flag in ("train_text_encoder", "gradient_checkpointing", "use_8bit_adam"):
        parser.add_argument(f"--{flag}", action="store_true")
    parser.add_argument("--cache_latents", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument(
        "--images", type=int, default=0, metavar="N", help="training images, for their cached latents (0)"
    )
    parser.add_argument("--types", type=int, default=1, metavar="N", help="anomaly types that train together (1)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    values = vars(parser.parse_known_args(argv)[0])
    as_json = bool(values.pop("json"))
    for name in ("train_batch_size", "resolution", "rank", "types"):
        if values[name] < 1:
            parser.error(f"--{name} is {values[name]}; expected 1 or more")
    if values["images"] < 0:
        parser.error(f"--images is {values['images']}; expected 0 or more")
    return MemorySettings(**values), as_json


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    settings, as_json = parse_settings(argv)
    result = estimate(settings)
    if as_json:
        document = {**asdict(result), "tensors": result.tensors, "peak": result.peak}
        print(json.dumps({"schema": 1, "unit": "bytes", **document}))
        return 0
    for name, value in {**asdict(result), "peak": result.peak}.items():
        print(f"{name:12} {value / GIB:7.2f} GiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
