"""The trainer's start values for the plain model, so that both take the same steps."""

from __future__ import annotations

import torch

from benchmarks.trainer.naive import NaiveDualUNet, NaiveTextLoRA
from trainer.method.adapters import attention_parts, initial_values, text_parts


@torch.no_grad()
def set_values(unet: NaiveDualUNet, text: NaiveTextLoRA, seed: int) -> None:
    """Give both the values that a fresh run of the trainer with this seed starts from."""
    targets = unet.named_values()
    parts = {}
    for name, processor in unet.processors.items():
        rank, width = processor.to_q_lora[0].down.weight.shape
        chained = ".chained_proc" if unet.condition and "attn1" in name else ""
        parts[f"unet.{name}{chained}."] = attention_parts(
            width,
            processor.to_k_lora[0].down.in_features,
            rank,
            condition=unet.condition,
            self_attention=processor.self_attention,
        )
    modules = {}
    for name, module in text.encoder.named_modules():
        if name.endswith("self_attn"):
            layer = name.split("layers.")[1].split(".")[0]
            prefix = f"text_encoder.text_model.encoder.layers.{layer}.self_attn."
            rank, width = text.branches[0].down.weight.shape
            parts[prefix] = text_parts(width, rank)
            modules[prefix] = module
    values = initial_values(parts, seed)
    for name, parameter in targets.items():
        parameter.copy_(values[name])
    branches = iter(text.branches)
    # The branches were added in the order in which the encoder lists its projections.
    for prefix, module in modules.items():
        for child, _ in module.named_children():
            if child.endswith("_proj"):
                branch = next(branches)
                projection = child.removesuffix("_proj")
                branch.down.weight.copy_(values[f"{prefix}to_{projection}_lora.down.weight"])
                branch.up.weight.copy_(values[f"{prefix}to_{projection}_lora.up.weight"])
