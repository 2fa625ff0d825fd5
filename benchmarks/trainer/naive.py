"""The method written plainly and slowly, the way upstream works: the yardstick for speed and for equality.

Two UNet passes that hand states over in a dictionary, one LoRA branch and one attention call per frame, the
softmax over two frames spelled out, the VAE in every step, one optimiser entry per tensor. Written from the
description of the method; it shares no attention code with the trainer.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Branch(nn.Module):
    """One LoRA branch: up(down(x)), without alpha and bias."""

    def __init__(self, width_in: int, width_out: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Linear(width_in, rank, bias=False)
        self.up = nn.Linear(rank, width_out, bias=False)
        nn.init.normal_(self.down.weight, std=1 / rank)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.up(self.down(x))


class Passes:
    """Which pass is running, and what the condition pass has stored."""

    def __init__(self) -> None:
        self.mode = "main"
        self.stored: dict[str, Tensor] = {}


class NaiveAttention(nn.Module):
    """Attention processor; its parameters carry the checkpoint's names."""

    def __init__(self, name: str, width: int, source_width: int, rank: int, *, condition: bool, passes: Passes) -> None:
        super().__init__()
        self.name, self.passes = name, passes
        self.self_attention = "attn1" in name
        self.to_q_lora = nn.ModuleList(Branch(width, width, rank) for _ in range(2))
        self.to_k_lora = nn.ModuleList(Branch(source_width, width, rank) for _ in range(2))
        self.to_v_lora = nn.ModuleList(Branch(source_width, width, rank) for _ in range(2))
        self.to_out_lora = nn.ModuleList(Branch(width, width, rank) for _ in range(2))
        self.temporal_n = nn.LayerNorm(width, eps=1e-6)
        for part in "iqkvo":
            setattr(self, f"temporal_{part}", nn.Linear(width, width))
        if condition:
            self.temporal_condition_mlp = nn.Sequential(nn.Linear(width, 320), nn.Linear(320, width))
            self.temporal_a = nn.Parameter(torch.zeros(1))

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        source = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        if self.passes.mode == "condition":
            if self.self_attention:
                self.passes.stored[self.name] = hidden_states
            return self.attend(attn, hidden_states, source, 0)
        outputs = []
        for frame in range(2):
            x, y = hidden_states[frame::2], source[frame::2]
            if frame == 0 and self.name in self.passes.stored:
                mapped = self.temporal_condition_mlp(self.passes.stored[self.name])
                y = (1 - self.temporal_a) * y + self.temporal_a * mapped
            outputs.append(self.attend(attn, x, y, frame))
        output = torch.stack(outputs, dim=1)
        return (output + self.join(output)).flatten(0, 1)

    def attend(self, attn: Any, x: Tensor, y: Tensor, frame: int) -> Tensor:
        """Multi-head attention with one frame's LoRA."""
        query = attn.to_q(x) + self.to_q_lora[frame](x)
        key = attn.to_k(y) + self.to_k_lora[frame](y)
        value = attn.to_v(y) + self.to_v_lora[frame](y)
        q, k, v = (t.unflatten(-1, (attn.heads, -1)).transpose(1, 2) for t in (query, key, value))
        out = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return attn.to_out[0](out) + self.to_out_lora[frame](out)

    def join(self, output: Tensor) -> Tensor:
        """Attention over the two frames of (B, 2, N, c), at each token."""
        t = self.temporal_i(self.temporal_n(output)).transpose(1, 2)
        q, k, v = self.temporal_q(t), self.temporal_k(t), self.temporal_v(t)
        weights = (q @ k.transpose(-1, -2) / math.sqrt(t.shape[-1])).softmax(-1)
        return self.temporal_o(weights @ v).transpose(1, 2)


class NaiveDualUNet(nn.Module):
    """Two passes of a stock UNet; the same inputs and outputs as the trainer's `DualUNet`."""

    def __init__(self, unet: Any, *, variant: str, rank: int) -> None:
        super().__init__()
        self.unet = unet.requires_grad_(False)
        self.condition = variant == "bcm"
        self.passes = Passes()
        self.processors: dict[str, NaiveAttention] = {}
        layers = dict(unet.named_modules())
        for name in unet.attn_processors:
            layer = layers[name.removesuffix(".processor")]
            widths = (layer.to_q.in_features, layer.to_k.in_features)
            self.processors[name] = NaiveAttention(name, *widths, rank, condition=self.condition, passes=self.passes)
        unet.set_attn_processor(dict(self.processors))

    def named_values(self) -> dict[str, nn.Parameter]:
        """Parameters under the checkpoint's names."""
        values = {}
        for name, processor in self.processors.items():
            chained = ".chained_proc" if self.condition and "attn1" in name else ""
            for key, value in processor.named_parameters():
                values[f"unet.{name}{chained}.{key}"] = value
        return values

    def forward(self, latents: Tensor, timesteps: Tensor, text: Tensor, condition: Tensor | None) -> Tensor:
        self.passes.stored.clear()
        if condition is not None:
            self.passes.mode = "condition"
            self.unet(condition, timesteps, encoder_hidden_states=text[:, 0])
            self.passes.mode = "main"
        rows = latents.flatten(0, 1)
        times = timesteps.repeat_interleave(2)
        return self.unet(rows, times, encoder_hidden_states=text.flatten(0, 1))[0].view(latents.shape)


class NaiveTextLoRA(nn.Module):
    """LoRA on a CLIP text encoder's self-attention."""

    def __init__(self, encoder: Any, rank: int) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(False)
        self.branches = nn.ModuleList()
        for name, module in encoder.named_modules():
            if name.endswith(("q_proj", "k_proj", "v_proj", "out_proj")):
                branch = Branch(module.in_features, module.out_features, rank)
                self.branches.append(branch)
                module.register_forward_hook(lambda _m, args, out, b=branch: out + b(args[0]))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.encoder(tokens)[0]
