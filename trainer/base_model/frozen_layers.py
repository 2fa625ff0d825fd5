"""The frozen layers between the attention layers, with less kept for the backward pass and fewer copies.

Same weights, same numbers: only what autograd keeps, and in which order memory is read, differ from diffusers'
own layers. A layer of another kind than Stable Diffusion 1.x has stays as it is.

| here | replaces | does without |
| --- | --- | --- |
| `FrozenResnet` | diffusers' `ResnetBlock2D` | all inputs but the two norms', sums as kernels of their own |
| `FrozenTransformer` | diffusers' `Transformer2DModel` | copies between memory layouts |
| `FrozenBlock`, in it | diffusers' `BasicTransformerBlock` | sums apart from the norms after them |
| `FrozenFeedForward`, in that | diffusers' `FeedForward` with `GEGLU` | the gated values |
| `FrozenConv` | `torch.nn.Conv2d` anywhere else (first, last, `Downsample2D`'s, `Upsample2D`'s) | its input |
| `FrozenNorm` | the UNet's `conv_norm_out` and `conv_act` | the norm's result |

What else there is stays diffusers' own; its `Attention` gets a processor of the method's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from ..kernels.group_norm import group_norm
from ..kernels.layer_norm import add_norm
from .feed_forward import FrozenFeedForward

#: Takes some rows of a batch.
Rows = Callable[[Tensor], Tensor]


def replace_frozen_layers(unet: Any) -> None:
    """Replace, in place, every layer of `unet` that this module has a form for."""
    for module in list(unet.modules()):
        for name, child in list(module.named_children()):
            if type(child).__name__ == "ResnetBlock2D" and is_plain_resnet(child):
                setattr(module, name, FrozenResnet(child))
            elif type(child).__name__ == "Transformer2DModel" and is_plain_transformer(child):
                setattr(module, name, FrozenTransformer(child))
    for module in list(unet.modules()):
        for name, child in list(module.named_children()):
            # diffusers' subclasses take further arguments, the frozen layers above call theirs directly.
            if type(child) is nn.Conv2d and not isinstance(module, (FrozenResnet, FrozenTransformer)):
                setattr(module, name, FrozenConv(child))
    if type(unet.conv_norm_out) is nn.GroupNorm and type(unet.conv_act) is nn.SiLU:
        unet.conv_norm_out, unet.conv_act = FrozenNorm(unet.conv_norm_out), nn.Identity()


def is_plain_resnet(block: Any) -> bool:
    """Whether a residual block is of Stable Diffusion 1.x's kind."""
    return (
        block.upsample is None
        and block.downsample is None
        and getattr(block, "time_embedding_norm", "default") == "default"
        and block.time_emb_proj is not None
        and block.output_scale_factor == 1.0
        and block.dropout.p == 0
        and not getattr(block, "skip_time_act", False)
        and isinstance(block.nonlinearity, nn.SiLU)
        and type(block.norm1) is nn.GroupNorm
    )


def is_plain_transformer(block: Any) -> bool:
    """Whether a transformer is of Stable Diffusion 1.x's kind."""
    return (
        getattr(block, "is_input_continuous", False)
        and isinstance(getattr(block, "proj_in", None), nn.Conv2d)
        and all(is_plain_block(layer) for layer in block.transformer_blocks)
    )


def is_plain_block(layer: Any) -> bool:
    """Whether a transformer's layer is self-attention, cross-attention and gated feed-forward, each after a norm."""
    return (
        all(type(norm) is nn.LayerNorm and norm.elementwise_affine for norm in (layer.norm1, layer.norm2, layer.norm3))
        and not layer.only_cross_attention
        and layer.attn2 is not None
        and getattr(layer, "pos_embed", None) is None
        and type(layer.ff.net[0]).__name__ == "GEGLU"
        and layer.ff.net[1].p == 0
    )


class FrozenConv(nn.Module):
    """A convolution whose input is not kept: the gradient of a frozen one's input needs only its shape."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = conv.weight, conv.bias
        self.stride, self.padding = conv.stride, conv.padding

    def forward(self, x: Tensor, *_: Any) -> Tensor:
        """(N, C, H, W) convolved."""
        return convolve(x, self.weight, self.bias, self.stride, self.padding)


class FrozenNorm(nn.Module):
    """Group norm and the SiLU after it, as one operation that keeps only its input."""

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.stock = norm

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        return _norm(x, self.stock, silu=True)


class FrozenResnet(nn.Module):
    """diffusers' `ResnetBlock2D`: norm, SiLU, convolution, time, norm, SiLU, convolution, shortcut.

    The first convolution's bias and the time embedding are added inside the second norm, the second convolution's
    bias together with the shortcut's.
    """

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.stock = block
        if block.conv_shortcut is not None:
            self.register_buffer("bias", block.conv_shortcut.bias + block.conv2.bias, persistent=False)

    def forward(self, x: Tensor, temb: Tensor, *_: Any, **__: Any) -> Tensor:
        """(N, C, H, W) and the time embedding (N, E) to (N, D, H, W)."""
        own = self.stock
        first, second = own.conv1, own.conv2
        hidden = _norm(x, own.norm1, silu=True)
        hidden = convolve(hidden, first.weight, None, first.stride, first.padding)
        shift = own.time_emb_proj(F.silu(temb)) + first.bias
        hidden = _norm(hidden, own.norm2, silu=True, shift=shift)
        if own.conv_shortcut is None:
            return x + convolve(hidden, second.weight, second.bias, second.stride, second.padding)
        x = pointwise(x, own.conv_shortcut.weight, self.bias).permute(0, 3, 1, 2)
        return x + convolve(hidden, second.weight, None, second.stride, second.padding)


class FrozenTransformer(nn.Module):
    """diffusers' `Transformer2DModel` with one-pixel convolutions as matrix products on (N, H W, C).

    Attributes:
        frames: where given, the rows of a batch that it leaves out serve the self-attention here for the last time:
            the result has only the others.
    """

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.stock = block
        self.frames: Rows | None = None
        for place, layer in enumerate(block.transformer_blocks):
            block.transformer_blocks[place] = FrozenBlock(layer)

    def forward(self, x: Tensor, encoder_hidden_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor]:
        """(N, C, H, W) and text states (N, L, d) to a tuple of (N, C, H, W)."""
        own = self.stock
        if self.training and getattr(own, "gradient_checkpointing", False):
            # What leaves the network here is all that `proj_out` needs, so that only `x` is kept.
            hidden = checkpoint(self._run, x, encoder_hidden_states, lean=True, use_reentrant=False)
        else:
            hidden = self._run(x, encoder_hidden_states)
        hidden = F.linear(hidden, own.proj_out.weight.flatten(1), own.proj_out.bias)
        # Taken as it lies in memory, and not at all where nothing is left out: a slice's gradient is a copy.
        x = x.permute(0, 2, 3, 1)
        x = self.frames(x) if self.frames else x
        return ((x + hidden.view(x.shape)).permute(0, 3, 1, 2),)

    def _run(self, x: Tensor, text: Tensor, *, lean: bool = False) -> Tensor:
        """(N, C, H, W) to (N', H W, C), all but the last projection."""
        enter = self.stock.proj_in
        hidden = pointwise(_norm(x, self.stock.norm, silu=False), enter.weight, enter.bias).flatten(1, 2)
        for layer in self.stock.transformer_blocks:
            hidden = layer(hidden, text, self.frames, lean=lean)
        return hidden


class FrozenBlock(nn.Module):
    """diffusers' `BasicTransformerBlock`; sums and the norms after them are one operation."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.stock = block
        self.feed_forward = FrozenFeedForward(block.ff)

    def forward(self, x: Tensor, text: Tensor, frames: Rows | None = None, *, lean: bool = False) -> Tensor:
        """(N, L, c) and text states to (N, L, c); rows that `frames` leaves out take part in self-attention alone."""
        own = self.stock
        x, normal = _add_norm(x, None, own.norm1)
        attended = own.attn1(normal)
        if frames:
            x, text = frames(x), frames(text)
        x, normal = _add_norm(x, attended, own.norm2)
        x, normal = _add_norm(x, own.attn2(normal, encoder_hidden_states=text), own.norm3)
        return x + self.feed_forward(normal, lean=lean)


class _Convolution(torch.autograd.Function):
    """A frozen convolution that keeps the shape of its input instead of the input."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: tuple[int, int], padding: tuple[int, int]
    ) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.shape, ctx.stride, ctx.padding = x.shape, stride, padding
        return F.conv2d(x, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        # The gradient of a convolution's input is the transposed convolution of the gradient. Asked for as such,
        # it needs no stand-in for the input, for which PyTorch would copy the gradient between memory layouts.
        extra = [
            size - ((count - 1) * step - 2 * pad + kernel)
            for size, count, step, pad, kernel in zip(
                ctx.shape[2:], gradient.shape[2:], ctx.stride, ctx.padding, weight.shape[2:], strict=True
            )
        ]
        dx = F.conv_transpose2d(gradient, weight, None, ctx.stride, ctx.padding, extra)
        return dx, None, None, None, None


def convolve(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: tuple[int, int], padding: tuple[int, int]
) -> Tensor:
    """A frozen 2-D convolution that does not keep its input."""
    return _Convolution.apply(x, weight, bias, stride, padding)


def pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A frozen one-pixel convolution as a matrix product: (N, C, H, W) to (N, H, W, D)."""
    return F.linear(x.permute(0, 2, 3, 1), weight.flatten(1), bias)


def _add_norm(x: Tensor, added: Tensor | None, norm: nn.LayerNorm) -> tuple[Tensor, Tensor]:
    """A sum and a frozen `nn.LayerNorm` of it."""
    return add_norm(x, added, norm.weight, norm.bias, norm.eps)


def _norm(x: Tensor, norm: Any, *, silu: bool, shift: Tensor | None = None) -> Tensor:
    """A frozen `nn.GroupNorm`."""
    return group_norm(x, norm.weight, norm.bias, norm.num_groups, norm.eps, silu=silu, shift=shift)
