"""What DualAnoDiff adds to each attention layer: per-frame LoRA, a two-frame block, a condition map.

Parameters are *packed*: tensors that meet the same input share one matrix, so that one matrix product
serves several of them. `Part` says which slice of which packed parameter carries which name of the
checkpoint file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ..variant import CONDITION_WIDTH, FRAMES

#: Epsilon of the two-frame block's LayerNorm.
TEMPORAL_EPS = 1e-6
#: Packed parameters that autograd gives no gradient: the keys' bias cancels in the difference of two keys.
WITHOUT_GRADIENT = frozenset({"temporal_k_bias"})

Init = Literal["lora_down", "linear", "zeros", "ones"]


@dataclass(frozen=True, slots=True)
class Part:
    """One tensor of the checkpoint file and where it lives.

    Attributes:
        name: name below the layer's prefix, e.g. `to_k_lora.1.up.weight`.
        shape: shape in the file.
        init: how a fresh one is drawn.
        fan_in: input width of its linear layer, for `init`.
        attribute: packed parameter of the adapter; empty for tensors that are stored but never trained.
        index: position inside the packed parameter, leading dimensions.
        transpose: whether the packed parameter holds it transposed.
    """

    name: str
    shape: tuple[int, ...]
    init: Init
    fan_in: int = 0
    attribute: str = ""
    index: tuple[int, ...] = ()
    transpose: bool = False

    def view(self, packed: Tensor) -> Tensor:
        """This tensor as a view of its packed parameter."""
        view = packed[self.index] if self.index else packed
        return view.t() if self.transpose else view


def lora_parts(
    projection: str, width_in: int, width_out: int, rank: int, frames: int, *, slot: int | None = None
) -> list[Part]:
    """The parts of one projection's LoRA branches.

    B A x of LoRA (Hu et al., ICLR 2022), section 4.1, where A is `down` and B is `up`; the authors' code has no
    alpha / r before it.

    Args:
        projection: `q`, `k`, `v` or `out`.
        width_in: width of the branch's input.
        width_out: width of its output.
        rank: inner width.
        frames: 2 in the UNet, 0 for the text encoder, whose branches carry no frame number.
        slot: k and v share the packed `kv_down`; 0 or 1 says which half.
    """
    parts = []
    down_attribute = f"{projection}_down" if slot is None else "kv_down"
    for frame in range(max(frames, 1)):
        prefix = f"to_{projection}_lora.{frame}." if frames else f"to_{projection}_lora."
        place = (frame,) if frames else ()
        at = place if slot is None else (slot, *place)
        parts += [
            Part(f"{prefix}down.weight", (rank, width_in), "lora_down", rank, down_attribute, at),
            Part(f"{prefix}up.weight", (width_out, rank), "zeros", rank, f"{projection}_up", place, True),
        ]
    return parts


def linear_parts(name: str, width_in: int, width_out: int, attribute: str, index: tuple[int, ...] = ()) -> list[Part]:
    """Weight and bias of one linear layer; an empty `attribute` marks them as never trained."""
    weight, bias = (f"{attribute}_weight", f"{attribute}_bias") if attribute else ("", "")
    return [
        Part(f"{name}.weight", (width_out, width_in), "linear", width_in, weight, index),
        Part(f"{name}.bias", (width_out,), "linear", width_in, bias, index),
    ]


def condition_parts(width: int, *, trained: bool) -> list[Part]:
    """Gate and condition map of `frames.blend_condition`.

    Only self-attention layers use theirs; the others exist in the file alone, where the authors' loader wants them.
    """
    gate, first, second = ("gate", "map0", "map1") if trained else ("", "", "")
    return [
        Part("temporal_a", (1,), "zeros", attribute=gate),
        *linear_parts("temporal_condition_mlp.0", width, CONDITION_WIDTH, first),
        *linear_parts("temporal_condition_mlp.1", CONDITION_WIDTH, width, second),
    ]


def attention_parts(
    width: int, source_width: int, rank: int, *, condition: bool, self_attention: bool
) -> tuple[Part, ...]:
    """Every tensor the checkpoint holds for one attention layer of the UNet: LoRA, two-frame block, condition map.

    Args:
        width: width of the layer.
        source_width: width of what keys and values are made from (the text's, in cross-attention).
        rank: LoRA rank.
        condition: whether the model has the background module.
        self_attention: whether this layer is self-attention, where the condition enters.
    """
    parts = lora_parts("q", width, width, rank, FRAMES)
    for slot, projection in enumerate("kv"):
        parts += lora_parts(projection, source_width, width, rank, FRAMES, slot=slot)
    parts += lora_parts("out", width, width, rank, FRAMES)
    parts += [
        Part("temporal_n.weight", (width,), "ones", attribute="norm_weight"),
        Part("temporal_n.bias", (width,), "zeros", attribute="norm_bias"),
        *linear_parts("temporal_i", width, width, "temporal_in"),
        *linear_parts("temporal_q", width, width, "temporal_qv", (0,)),
        *linear_parts("temporal_k", width, width, "temporal_k"),
        *linear_parts("temporal_v", width, width, "temporal_qv", (1,)),
        *linear_parts("temporal_o", width, width, "temporal_out"),
    ]
    if condition:
        parts += condition_parts(width, trained=self_attention)
    return tuple(parts)


def text_parts(width: int, rank: int) -> tuple[Part, ...]:
    """Every tensor the checkpoint holds for one attention layer of the text encoder."""
    return tuple(
        part for projection in ("q", "k", "v", "out") for part in lora_parts(projection, width, width, rank, 0)
    )


class Adapter(nn.Module):
    """The packed trainable parameters of one attention layer, as attributes.

    The tensors themselves belong to `optim.flat_parameters.Leaves`, which assigns them; until then they are
    placeholders without storage.

    Args:
        parts: what the layer has.
    """

    def __init__(self, parts: tuple[Part, ...]) -> None:
        super().__init__()
        self.parts = parts
        self.forget()
        self._plain = len(packed_shapes(parts).get("q_down", ()))

    def forget(self) -> None:
        """Have placeholders again, so that whoever assigned the parameters can free them."""
        for attribute, shape in packed_shapes(self.parts).items():
            setattr(self, attribute, nn.Parameter(torch.empty(shape, device="meta")))

    @property
    def types(self) -> int:
        """T, the anomaly types whose parameters these are; those of several have a dimension more, the first."""
        return 1 if self.q_down.dim() == self._plain else len(self.q_down)


def packed_shapes(parts: tuple[Part, ...]) -> dict[str, tuple[int, ...]]:
    """Shape of each packed parameter: the largest index of each leading dimension, then the part's own."""
    shapes: dict[str, tuple[int, ...]] = {}
    for part in parts:
        if not part.attribute:
            continue
        own = part.shape[::-1] if part.transpose else part.shape
        lead = tuple(position + 1 for position in part.index)
        seen = shapes.get(part.attribute, (0,) * len(lead) + own)
        shapes[part.attribute] = (*(max(a, b) for a, b in zip(lead, seen, strict=False)), *own)
    return shapes


def initial_values(parts: Mapping[str, tuple[Part, ...]], seed: int) -> dict[str, Tensor]:
    """Fresh float32 values for every tensor of the file, by full name.

    The down matrices are normal and the up matrices zero, as in LoRA (Hu et al., ICLR 2022), section 4.1; the
    deviation 1/rank is the authors' code's. Linear layers start as PyTorch's default does, uniform within
    1/sqrt(fan_in), those of the two-frame block too, so a fresh model is not Stable Diffusion. Drawn on the CPU, so
    they do not depend on the device that trains.
    """
    generator = torch.Generator().manual_seed(seed)
    return {prefix + part.name: _draw(part, generator) for prefix, layer in parts.items() for part in layer}


def _draw(part: Part, generator: torch.Generator) -> Tensor:
    """One fresh tensor."""
    if part.init == "zeros":
        return torch.zeros(part.shape)
    if part.init == "ones":
        return torch.ones(part.shape)
    if part.init == "lora_down":
        return torch.randn(part.shape, generator=generator) / part.fan_in
    bound = 1 / math.sqrt(part.fan_in)
    return (torch.rand(part.shape, generator=generator) * 2 - 1) * bound
