"""DRAEM's discriminative network (V. Zavrtanik et al., ICCV 2021), a U-Net, and the focal loss that trains it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

#: Widths of the six scales, from the finest, in units of the base width.
_SCALES = (1, 2, 4, 8, 8, 8)
#: And of what comes up again, from the coarsest.
_RISEN = (8, 4, 2, 1, 1)


def _convolved(inner: int, outer: int) -> list[nn.Module]:
    return [nn.Conv2d(inner, outer, 3, padding=1), nn.BatchNorm2d(outer), nn.ReLU(inplace=True)]


def _block(inner: int, outer: int) -> nn.Sequential:
    return nn.Sequential(*_convolved(inner, outer), *_convolved(outer, outer))


class DiscriminativeUNet(nn.Module):
    """Pictures (N, 3, H, W) in 0..1 to logits (N, 2, H, W), class 1 = anomaly; sides are multiples of 32.

    Args:
        width: channels at the finest scale; 64 is the original's.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        widths = [scale * width for scale in _SCALES]
        self.down = nn.ModuleList(_block(i, o) for i, o in zip([3, *widths[:-1]], widths, strict=True))
        risen = [scale * width for scale in _RISEN]
        self.up = nn.ModuleList(
            nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), *_convolved(i, o))
            for i, o in zip([widths[-1], *risen[:-1]], risen, strict=True)
        )
        self.join = nn.ModuleList(_block(up + skip, up) for up, skip in zip(risen, widths[-2::-1], strict=True))
        self.head = nn.Conv2d(width, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the pictures."""
        kept = []
        for number, block in enumerate(self.down):
            x = block(nn.functional.max_pool2d(x, 2) if number else x)
            kept.append(x)
        for up, join, skip in zip(self.up, self.join, kept[-2::-1], strict=True):
            x = join(torch.cat([up(x), skip], 1))
        return self.head(x)


def begin(network: nn.Module, generator: torch.Generator) -> None:
    """The original's start: convolutions' weights N(0, 0.02), norms' N(1, 0.02) and bias 0; other biases by seed."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan = module.weight[0].numel() ** -0.5
            module.weight.data.normal_(0.0, 0.02, generator=generator)
            if module.bias is not None:
                module.bias.data.uniform_(-fan, fan, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.data.normal_(1.0, 0.02, generator=generator)
            module.bias.data.zero_()


def focal_loss(logits: Tensor, marked: Tensor, gamma: float = 2.0, smooth: float = 1e-5) -> Tensor:
    """Mean focal loss of logits (N, 2, H, W) against masks (N, 1, H, W) of 0 and 1, float32.

    T.-Y. Lin et al. (ICCV 2017) with smoothed labels, as DRAEM's `loss.py` has it: p = (1 - s) p_true + s p_other + s.
    """
    chances = logits.float().softmax(1)
    right = torch.where(marked > 0.5, chances[:, 1:], chances[:, :1])
    p = (1 - smooth) * right + smooth * (1 - right) + smooth
    return (-((1 - p) ** gamma) * p.log()).mean()


def image_scores(maps: Tensor, window: int = 21) -> Tensor:
    """(N,): of each map (N, 1, H, W) the largest mean over a window; outside the picture counts 0."""
    return nn.functional.avg_pool2d(maps, window, 1, window // 2).amax((1, 2, 3))
