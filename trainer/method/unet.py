"""The dual UNet: a frozen Stable Diffusion 1.x UNet that denoises two frames, and their background, at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ..base_model.frozen_layers import is_plain_transformer, replace_frozen_layers
from ..errors import TrainerError
from ..kernels.attention import fused_or_sdpa
from ..variant import FRAMES, Variant
from .adapters import Adapter, attention_parts
from .attention import AttentionKernel, DualAttention, last_rows
from .lora import FrameMasks
from .products import by_type


class DualUNet(nn.Module):
    """A stock `UNet2DConditionModel` with dual attention in every attention layer.

    The denoiser of latent diffusion (Rombach et al., CVPR 2022), section 3.3, run on the two branches of DualAnoDiff
    (Jin et al., CVPR 2025), figure 2, and on their background.

    Args:
        unet: the frozen network; its attention processors are replaced.
        variant: `bcm` with the background module, `dual` without.
        rank: LoRA rank.
        kernel: the attention implementation.

    Raises:
        TrainerError: the network is not of Stable Diffusion 1.x's kind.

    Attributes:
        adapters: the adapter of each layer by the prefix of its names in the checkpoint, in its order.
        masks: which rows use which frame's LoRA, with and without the condition's rows.
        layout: how the rows of the call under way are shared out.
    """

    def __init__(self, unet: Any, *, variant: Variant, rank: int, kernel: AttentionKernel = fused_or_sdpa) -> None:
        super().__init__()
        if unet.config.in_channels != 4:
            raise TrainerError(
                f"The UNet takes {unet.config.in_channels} channels, Stable Diffusion 1.x's takes 4. Give an SD 1.5 "
                "folder with --pretrained_model_name_or_path, not one for inpainting."
            )
        self.unet = unet.requires_grad_(False)
        self.condition = variant == "bcm"
        self.layout = RowLayout()
        self.adapters: dict[str, Adapter] = {}
        processors = {}
        layers = dict(unet.named_modules())
        self.masks = masks, frame_masks = FrameMasks(FRAMES + self.condition, rank), FrameMasks(FRAMES, rank)
        final = last_transformer(unet) if self.condition else None
        for name in unet.attn_processors:
            layer = layers[name.removesuffix(".processor")]
            own = "attn1" in name
            _check_layer(name, layer)
            adapter = Adapter(
                attention_parts(
                    layer.to_q.in_features,
                    layer.to_k.in_features,
                    rank,
                    condition=self.condition,
                    self_attention=own,
                )
            )
            self.adapters[unet_prefix(name, variant)] = adapter
            last = final is not None and name.startswith(final)
            processors[name] = DualAttention(
                adapter,
                condition=self.condition and (own or not last),
                self_attention=own,
                masks=frame_masks if last else masks,
                kernel=kernel,
                last=last and own,
            )
        unet.set_attn_processor(processors)
        replace_frozen_layers(unet)
        if final is not None:
            unet.up_blocks[-1].attentions[-1].frames = self.layout.frames
        self.adapter_modules = nn.ModuleList(self.adapters.values())

    def forward(
        self,
        latents: Tensor,
        timesteps: Tensor,
        text: Tensor,
        condition: Tensor | None = None,
        seen_by: Tensor | None = None,
        first: Tensor | None = None,
    ) -> Tensor:
        """Predict the noise in both frames.

        Args:
            latents: (B, 2, 4, h, w), the noisy latents of whole image and part; of several types B / T of each, one
                type after the other.
            timesteps: (B,), shared by the frames and the condition.
            text: (B, 2, L, d), the text states of whole image and part.
            condition: (B, 4, h, w), the noisy condition latents; needed by `bcm`, and by it alone. With `seen_by`
                (K, 4, h, w), which only merged weights take (`merged.merge_adapters`).
            seen_by: (B,), the condition that each sample sees; None: sample i sees condition i.
            first: (K,), for each condition a sample that sees it, whose text and timestep are the condition's.

        Returns:
            (B, 2, 4, h, w), in the dtype of `latents`. Flattening the first two dimensions gives
            upstream's row order.
        """
        return self.through(self._every_layer, latents, timesteps, text, condition, seen_by, first)

    def _every_layer(self, sample: Tensor, times: Tensor, text: Tensor) -> Tensor:
        result: Tensor = self.unet(sample, times, encoder_hidden_states=text, return_dict=False)[0]
        return result

    def through(
        self,
        network: Callable[[Tensor, Tensor, Tensor], Tensor],
        latents: Tensor,
        timesteps: Tensor,
        text: Tensor,
        condition: Tensor | None = None,
        seen_by: Tensor | None = None,
        first: Tensor | None = None,
    ) -> Tensor:
        """`forward` with another way through the layers, from rows, their times and text states to predictions."""
        if (condition is None) == self.condition:
            raise ValueError("condition latents are needed by the variant bcm, and by it alone")
        rows, states, times = list(latents.unbind(1)), list(text.unbind(1)), [timesteps] * FRAMES
        if condition is not None:
            # The condition is seen with the whole image's text and LoRA.
            own = (states[0], timesteps) if first is None else (states[0][first], timesteps[first])
            rows, states, times = [condition, *rows], [own[0], *states], [own[1], *times]
        types = self.types
        self.layout.share(types, 0 if condition is None else len(condition), seen_by)
        prediction = network(
            _joined(rows, types).to(self.dtype), _joined(times, types), _joined(states, types).to(self.dtype)
        )
        frames = last_rows(prediction, FRAMES * len(latents), types).unflatten(0, (types, FRAMES, -1))
        return frames.transpose(1, 2).flatten(0, 1).to(latents.dtype)

    @property
    def types(self) -> int:
        """T, the anomaly types that train together."""
        return next(iter(self.adapters.values())).types

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the frozen weights, in which the network computes."""
        return self.unet.conv_in.weight.dtype


class RowLayout:
    """How the rows of a call with a condition are shared out: K conditions, then B whole images, then B parts.

    Attributes:
        seen_by: (B,), the condition that each sample sees; None: there are B conditions, and sample i sees condition i.
    """

    def __init__(self) -> None:
        self._conditions, self._types = 0, 1
        self.seen_by: Tensor | None = None

    def share(self, types: int, conditions: int, seen_by: Tensor | None) -> None:
        """What holds for the next pass of the network."""
        self._types, self._conditions, self.seen_by = types, conditions, seen_by

    def conditions(self, rows: int) -> int:
        """K, of so many rows in all."""
        return rows // (FRAMES + 1) if self.seen_by is None else self._conditions

    def frames(self, x: Tensor) -> Tensor:
        """The rows of the two frames, without the conditions'."""
        return last_rows(x, len(x) - self.conditions(len(x)), self._types)


def _joined(streams: list[Tensor], types: int) -> Tensor:
    """Streams of B samples each, one after the other; of several types, one type after the other."""
    if types == 1:
        return torch.cat(streams)
    return torch.cat([by_type(stream, types) for stream in streams], dim=1).flatten(0, 1)


def unet_prefix(processor: str, variant: Variant) -> str:
    """Prefix of a layer's names in the checkpoint; the background module wraps self-attention's."""
    chained = ".chained_proc" if variant == "bcm" and "attn1" in processor else ""
    return f"unet.{processor}{chained}."


def last_transformer(unet: Any) -> str | None:
    """Prefix of the names in the UNet's last transformer, if nothing but the last convolutions comes after it.

    The condition's rows are used up by its self-attention. Other networks than Stable Diffusion 1.x's may go on
    with layers that expect all rows.
    """
    block = unet.up_blocks[-1]
    transformers = getattr(block, "attentions", None)
    if (
        not transformers
        or len(transformers) != len(block.resnets)
        or block.upsamplers is not None
        or not is_plain_transformer(transformers[-1])
        or len(transformers[-1].transformer_blocks) != 1
    ):
        return None
    return f"up_blocks.{len(unet.up_blocks) - 1}.attentions.{len(transformers) - 1}."


def _check_layer(name: str, layer: Any) -> None:
    """Fail on attention layers of another kind than Stable Diffusion 1.x has."""
    plain = (
        layer.to_q.bias is None
        and getattr(layer, "group_norm", None) is None
        and not getattr(layer, "residual_connection", False)
        and getattr(layer, "rescale_output_factor", 1.0) == 1.0
        and layer.to_q.in_features == layer.to_q.out_features
    )
    if not plain:
        raise TrainerError(
            f"The UNet's attention layer {name} is not of the kind that Stable Diffusion 1.x has. "
            "Give an SD 1.5 model folder with --pretrained_model_name_or_path."
        )
