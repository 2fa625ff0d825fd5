"""Known failures of the libraries below, in words."""

from __future__ import annotations

import torch

from .config import TrainingConfig


def advice_for(error: RuntimeError, config: TrainingConfig) -> str | None:
    """What a library's error means for the person, or None where it is not a known one."""
    if "can't allocate memory" in str(error):
        return "The machine's memory is full. Close other programs, or give a smaller --train_batch_size."
    if isinstance(error, torch.cuda.OutOfMemoryError) or "out of memory" in str(error):
        remedies = []
        if not config.gradient_checkpointing:
            remedies.append("--gradient_checkpointing")
        if config.mixed_precision in (None, "no"):
            remedies.append("--mixed_precision bf16 (fp16 before Ampere)")
        if config.train_batch_size > 1:
            remedies.append(
                f"--train_batch_size 1 --gradient_accumulation_steps "
                f"{config.train_batch_size * config.gradient_accumulation_steps} (the same training)"
            )
        if not config.use_8bit_adam:
            remedies.append("--use_8bit_adam")
        advice = ", ".join(remedies) or "a GPU with more memory, or a smaller --resolution"
        return f"The GPU's memory is full. In this order, try: {advice}. `dualano-doctor memory` predicts needs."
    if config.deterministic and "deterministic implementation" in str(error):
        return (
            f"--deterministic cannot be kept on this stack ({str(error).splitlines()[0].split('. ')[0]}). "
            "Leave the flag out: losses then repeat up to rounding."
        )
    return None
