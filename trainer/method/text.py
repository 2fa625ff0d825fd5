"""The text encoder: prompts to states, with LoRA on its self-attention where it is trained."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..variant import TOKENS
from . import products
from .adapters import Adapter, text_parts

_LAYER = re.compile(r"(?:^|\.)encoder\.layers\.(\d+)\.self_attn$")


class TextEncoder(nn.Module):
    """A frozen CLIP text encoder, optionally with LoRA.

    The text encoder of CLIP (Radford et al., ICML 2021), as Stable Diffusion uses it: all states of the last layer,
    without attention mask.

    Args:
        encoder: transformers' `CLIPTextModel`.
        rank: LoRA rank, or None without LoRA.

    Attributes:
        adapters: the adapter of each layer by the prefix of its names in the checkpoint.
    """

    def __init__(self, encoder: Any, *, rank: int | None) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(False)
        self.adapters: dict[str, Adapter] = {}
        for name, layer in encoder.named_modules():
            found = _LAYER.search(name)
            if found is None or rank is None:
                continue
            adapter = Adapter(text_parts(layer.q_proj.in_features, rank))
            # transformers 5 dropped the outer `text_model.`; the file's names keep it.
            prefix = f"text_encoder.text_model.encoder.layers.{found[1]}.self_attn."
            self.adapters[prefix] = adapter
            for projection in ("q", "k", "v", "out"):
                _add_lora(getattr(layer, f"{projection}_proj"), adapter, projection)
        self.adapter_modules = nn.ModuleList(self.adapters.values())

    @property
    def types(self) -> int:
        """T, the anomaly types whose LoRA it has."""
        return next(iter(self.adapters.values())).types if self.adapters else 1

    def forward(self, tokens: Tensor) -> Tensor:
        """States of tokenised prompts: (P, L) integers to (P, L, d), after the last LayerNorm, no mask."""
        return self.encoder(tokens)[0]


@dataclass(frozen=True, slots=True)
class TextSource:
    """The states of the prompts: from the encoder when it is trained (of each type, where several train), else computed
    once.

    Attributes:
        encoder: the trained text encoder, or None.
        tokens: (P, L) tokens of the P prompts (training: whole and part), for the encoder.
        states: (P, L, d), without one.
    """

    encoder: TextEncoder | None = None
    tokens: Tensor | None = None
    states: Tensor | None = None

    def __call__(self, batch: int) -> Tensor:
        """(B, P, L, d); the prompts are encoded once, however many samples use them."""
        if self.encoder is None:
            assert self.states is not None
            return pair_states(self.states, batch)
        assert self.tokens is not None
        types = self.encoder.types
        if types == 1:
            return pair_states(self.encoder(self.tokens), batch)
        states = self.encoder(self.tokens.repeat(types, 1)).unflatten(0, (types, -1))
        return states.repeat_interleave(batch // types, dim=0)


def tokenize(tokenizer: Any, prompts: Sequence[str]) -> Tensor:
    """Token numbers (P, L), padded (and cut) to the tokenizer's length; a folder that names none gives 10^30."""
    return tokenizer(
        list(prompts),
        truncation=True,
        padding="max_length",
        max_length=min(tokenizer.model_max_length, TOKENS),
        return_tensors="pt",
    ).input_ids


def _add_lora(linear: nn.Module, adapter: Adapter, projection: str) -> None:
    """Add the branch's output to a frozen linear layer's, by a hook, so that the encoder stays stock.

    W x + B A x of LoRA (Hu et al., ICLR 2022), section 4.1; one branch for both prompts.
    """

    def add(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        down, up = getattr(adapter, f"{projection}_down"), getattr(adapter, f"{projection}_up")
        if adapter.types == 1:
            inner = F.linear(inputs[0], down)
            return torch.addmm(output.flatten(0, -2), inner.flatten(0, -2), up).view_as(output)
        own, into = (products.by_type(x.flatten(0, -2), adapter.types) for x in (inputs[0], output))
        return torch.baddbmm(into, products.linear(own, down), up).view_as(output)

    linear.register_forward_hook(add)


def pair_states(states: Tensor, batch: int) -> Tensor:
    """The states of the prompts (P, L, d), repeated for each sample: (B, P, L, d)."""
    return states.unsqueeze(0).expand(batch, -1, -1, -1)


def encode_prompts(encoder: TextEncoder, tokenizer: Any, prompts: Sequence[str]) -> Tensor:
    """States of prompts without gradient, for inference: (P, L, d)."""
    device = next(encoder.encoder.parameters()).device
    with torch.no_grad():
        return encoder(tokenize(tokenizer, prompts).to(device))
