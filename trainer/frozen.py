"""The frozen layers between the attention layers, with less kept for the backward pass and fewer copies.

Same weights, same numbers: only what autograd keeps, and in which order memory is read, differ from diffusers'
own layers. A layer of another kind than Stable Diffusion 1.x has stays as it is.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from .fused_gates import geglu, geglu_backward
from .fused_norm import group_norm


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
        and all(
            type(layer.ff.net[0]).__name__ == "GEGLU" and layer.ff.net[1].p == 0 for layer in block.transformer_blocks
        )
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


class FrozenResnet(nn.Module):
    """diffusers' `ResnetBlock2D`: norm, SiLU, convolution, time, norm, SiLU, convolution, shortcut.

    The first convolution's bias and the time embedding are added inside the second norm.
    """

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.stock = block

    def forward(self, x: Tensor, temb: Tensor, *_: Any, **__: Any) -> Tensor:
        """(N, C, H, W) and the time embedding (N, E) to (N, D, H, W)."""
        own = self.stock
        first, second = own.conv1, own.conv2
        hidden = _norm(x, own.norm1, silu=True)
        hidden = convolve(hidden, first.weight, None, first.stride, first.padding)
        shift = own.time_emb_proj(F.silu(temb)) + first.bias
        hidden = _norm(hidden, own.norm2, silu=True, shift=shift)
        hidden = convolve(hidden, second.weight, second.bias, second.stride, second.padding)
        if own.conv_shortcut is not None:
            x = pointwise(x, own.conv_shortcut).permute(0, 3, 1, 2)
        return x + hidden


class FrozenTransformer(nn.Module):
    """diffusers' `Transformer2DModel` with one-pixel convolutions as matrix products on (N, H W, C)."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.stock = block
        for layer in block.transformer_blocks:
            layer.ff = FrozenFeedForward(layer.ff)

    def forward(self, x: Tensor, encoder_hidden_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor]:
        """(N, C, H, W) and text states (N, L, d) to a tuple of (N, C, H, W)."""
        own = self.stock
        rows, width, height, side = x.shape
        hidden = pointwise(_norm(x, own.norm, silu=False), own.proj_in).reshape(rows, height * side, -1)
        for layer in own.transformer_blocks:
            hidden = self._run(layer, hidden, encoder_hidden_states)
        hidden = F.linear(hidden, own.proj_out.weight.flatten(1), own.proj_out.bias)
        return (x + hidden.view(rows, height, side, width).permute(0, 3, 1, 2),)

    def _run(self, layer: Any, hidden: Tensor, text: Tensor) -> Tensor:
        if self.training and getattr(self.stock, "gradient_checkpointing", False):
            return checkpoint(layer, hidden, encoder_hidden_states=text, use_reentrant=False)
        return layer(hidden, encoder_hidden_states=text)


class FrozenFeedForward(nn.Module):
    """diffusers' `FeedForward`; only the gate's input is kept, the gated values are computed again."""

    def __init__(self, stock: Any) -> None:
        super().__init__()
        self.stock = stock

    def forward(self, x: Tensor, *_: Any, **__: Any) -> Tensor:
        """(N, L, c) to (N, L, c)."""
        first, last = self.stock.net[0].proj, self.stock.net[2]
        return _FeedForward.apply(x.flatten(0, 1), first.weight, first.bias, last.weight, last.bias).view(x.shape)


class _FeedForward(torch.autograd.Function):
    """Linear, GEGLU, linear, all frozen."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, up: Tensor, up_bias: Tensor, down: Tensor, down_bias: Tensor) -> Tensor:
        proj = F.linear(x, up, up_bias)
        ctx.save_for_backward(proj, up, down)
        return F.linear(geglu(proj), down, down_bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        proj, up, down = ctx.saved_tensors
        return geglu_backward(gradient @ down, proj) @ up, None, None, None, None


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
        x = gradient.new_empty(1).expand(ctx.shape)
        dx = torch.ops.aten.convolution_backward(
            gradient, x, weight, None, ctx.stride, ctx.padding, (1, 1), False, (0, 0), 1, (True, False, False)
        )[0]
        return dx, None, None, None, None


def convolve(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: tuple[int, int], padding: tuple[int, int]
) -> Tensor:
    """A frozen 2-D convolution that does not keep its input."""
    return _Convolution.apply(x, weight, bias, stride, padding)


def pointwise(x: Tensor, conv: Any) -> Tensor:
    """A frozen one-pixel convolution as a matrix product: (N, C, H, W) to (N, H, W, D)."""
    return F.linear(x.permute(0, 2, 3, 1), conv.weight.flatten(1), conv.bias)


def _norm(x: Tensor, norm: Any, *, silu: bool, shift: Tensor | None = None) -> Tensor:
    """A frozen `nn.GroupNorm`."""
    return group_norm(x, norm.weight, norm.bias, norm.num_groups, norm.eps, silu=silu, shift=shift)
