"""The layers of a Stable Diffusion UNet from its widths: sizes and parameter counts, for the memory model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UNetShape:
    """What a UNet's config.json says; the defaults are Stable Diffusion 1.5's."""

    widths: tuple[int, ...] = (320, 640, 1280, 1280)
    layers_per_block: int = 2
    text_width: int = 768
    heads: int = 8
    channels: int = 4


@dataclass(frozen=True)
class _Convolving:
    """What convolutions and residual blocks share."""

    width_in: int
    width_out: int
    tokens: int

    @property
    def widest_numbers(self) -> int:
        """Numbers in one row's widest tensor."""
        return max(self.width_in, self.width_out) * self.tokens


class Conv(_Convolving):
    """A 3x3 convolution (first, last, and those that change the size)."""

    @property
    def boundary_numbers(self) -> int:
        """Numbers per row that are kept with gradient checkpointing: none, see base_model/frozen_layers.py."""
        return 0

    def parameters(self, _time_width: int) -> int:
        """Frozen numbers."""
        return 9 * self.width_in * self.width_out + self.width_out


class Resnet(_Convolving):
    """A residual block of two convolutions."""

    @property
    def boundary_numbers(self) -> int:
        """Numbers per row that are kept with gradient checkpointing: the input."""
        return self.width_in * self.tokens

    def parameters(self, time_width: int) -> int:
        """Frozen numbers."""
        a, b = self.width_in, self.width_out
        shortcut = a * b + b if a != b else 0
        return 2 * a + 9 * a * b + b + time_width * b + b + 2 * b + 9 * b * b + b + shortcut


@dataclass(frozen=True, slots=True)
class Attention:
    """A transformer block: self-attention, cross-attention, gated feed-forward."""

    width: int
    tokens: int
    text_width: int

    @property
    def boundary_numbers(self) -> int:
        """Numbers per row that are kept with gradient checkpointing: the input."""
        return self.width * self.tokens

    @property
    def widest_numbers(self) -> int:
        """Numbers in one row's widest tensor, the feed-forward's."""
        return 8 * self.width * self.tokens

    def parameters(self, _time_width: int) -> int:
        """Frozen numbers."""
        c, d = self.width, self.text_width
        own, cross = 4 * c * c + c, 2 * c * c + 2 * d * c + c
        feed_forward = c * 8 * c + 8 * c + 4 * c * c + c
        return 2 * c + 2 * (c * c + c) + 6 * c + own + cross + feed_forward


def unet_layers(shape: UNetShape, side: int) -> Iterator[Resnet | Attention | Conv]:
    """All layers in order, for latents of `side` x `side`; the last down and first up block lack attention."""
    widths, repeats = shape.widths, shape.layers_per_block
    last = len(widths) - 1
    tokens = side * side
    yield Conv(shape.channels, widths[0], tokens)
    width, skips = widths[0], [widths[0]]
    for level, target in enumerate(widths):
        for _ in range(repeats):
            yield Resnet(width, target, tokens)
            width = target
            if level < last:
                yield Attention(width, tokens, shape.text_width)
            skips.append(width)
        if level < last:
            yield Conv(width, width, tokens)
            tokens //= 4
            skips.append(width)
    yield Resnet(width, width, tokens)
    yield Attention(width, tokens, shape.text_width)
    yield Resnet(width, width, tokens)
    for level, target in zip(range(last, -1, -1), reversed(widths), strict=True):
        for _ in range(repeats + 1):
            yield Resnet(width + skips.pop(), target, tokens)
            width = target
            if level < last:
                yield Attention(width, tokens, shape.text_width)
        if level:
            tokens *= 4
            yield Conv(width, width, tokens)
    yield Conv(width, shape.channels, tokens)
