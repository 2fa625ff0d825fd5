"""Fewer layers in some calls of the sampler: the inner blocks' result of an earlier call stands for this one's.

What the UNet's inner blocks add changes slowly from one step to the next, so a call can take theirs from the call
before and compute the outermost layers alone (DeepCache; Ma et al., CVPR 2024, section 3). Written here, since the
libraries' caches serve transformers. Of the last block the last layers are computed, and of the first those whose
result they join; everything between is reused.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import TrainerError
from .unet import DualUNet


class InnerReuse:
    """Calls of a network, whole or with the inner layers' last result.

    Results are kept for each shape, in places that stay, so that both kinds of call can be recorded as CUDA graphs.

    Args:
        model: the dual UNet, merged for inference.
        layers: of the last block that every call computes: 1 to all of them.

    Raises:
        TrainerError: the network's outermost blocks are not of Stable Diffusion 1.x's kind.
    """

    def __init__(self, model: DualUNet, layers: int) -> None:
        self._model, unet = model, model.unet
        last = unet.up_blocks[-1]
        blocks = (unet.down_blocks[0], last)
        if any(not getattr(block, "attentions", None) for block in blocks) or len(last.attentions) != len(last.resnets):
            raise TrainerError(
                "--fast needs attention in the network's outermost blocks, as Stable Diffusion 1.x has it. Leave the "
                "flag out, or give an SD 1.5 folder."
            )
        self._first, self._count = len(last.resnets) - layers, layers
        self._kept: dict[tuple[int, ...], Tensor] = {}
        self._joins = last.resnets[self._first]
        self._joins.register_forward_pre_hook(self._keep)
        self._skipped = _width(unet.down_blocks[0].resnets[0] if layers > 1 else unet.conv_in)

    def whole(self, *inputs: Any) -> Tensor:
        """A call of all layers; arguments as of `DualUNet`."""
        result: Tensor = self._model(*inputs)
        return result

    def outer(self, *inputs: Any) -> Tensor:
        """A call of the outermost layers, after a whole one of these shapes; arguments as of `DualUNet`."""
        return self._model.through(self._outer, *inputs)

    def _keep(self, _layer: Any, arguments: tuple[Tensor, ...]) -> None:
        """Note what enters the first of the last layers, less the other path's part of it."""
        hidden = arguments[0][:, : -self._skipped]
        if hidden.shape not in self._kept:
            self._kept[hidden.shape] = torch.empty_like(hidden)
        self._kept[hidden.shape].copy_(hidden)

    def _outer(self, sample: Tensor, times: Tensor, text: Tensor) -> Tensor:
        """As diffusers' UNet computes it, without what lies inside."""
        unet = self._model.unet
        embedding = unet.time_embedding(unet.time_proj(times).to(sample.dtype))
        sample = unet.conv_in(sample)
        skips = [sample]
        first, last = unet.down_blocks[0], unet.up_blocks[-1]
        for resnet, attention in zip(first.resnets[: self._count - 1], first.attentions, strict=False):
            sample = attention(resnet(sample, embedding), encoder_hidden_states=text)[0]
            skips.append(sample)
        rows, side = len(sample), sample.shape[2:]
        hidden = next(kept for shape, kept in self._kept.items() if shape[0] == rows and shape[2:] == side)
        for resnet, attention in zip(last.resnets[self._first :], last.attentions[self._first :], strict=True):
            joined = torch.cat([hidden, skips.pop()], dim=1)
            hidden = attention(resnet(joined, embedding), encoder_hidden_states=text)[0]
        return unet.conv_out(unet.conv_act(unet.conv_norm_out(hidden)))


def _width(layer: Any) -> int:
    """Channels that a layer gives."""
    weight = layer.weight if hasattr(layer, "weight") else getattr(layer, "stock", layer).conv2.weight
    return int(weight.shape[0])
