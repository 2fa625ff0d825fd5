"""In which precision the network computes."""

from __future__ import annotations

import torch

from ..errors import TrainerError

DTYPES = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def choose_dtype(mixed_precision: str, device: torch.device) -> torch.dtype:
    """The computing precision for a `--mixed_precision` value.

    Raises:
        TrainerError: unknown name, or the GPU has no such arithmetic.
    """
    if mixed_precision not in DTYPES:
        raise TrainerError(
            f"mixed_precision is {mixed_precision!r} (from --mixed_precision or accelerate's configuration); "
            f"expected one of {', '.join(DTYPES)}."
        )
    if mixed_precision == "bf16" and device.type == "cuda" and torch.cuda.get_device_capability(device)[0] < 8:
        raise TrainerError(
            f"{torch.cuda.get_device_name(device)} has no bfloat16 arithmetic (that begins with Ampere). "
            "Use --mixed_precision fp16 or no."
        )
    return DTYPES[mixed_precision]
