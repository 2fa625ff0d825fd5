"""The judge: a small segmenter that names the kind of anomaly in a picture and finds its region.

It learns from drawn pictures alone and takes no part in the product: it measures what the product generates.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.miniature.world.scene import KINDS

WIDTHS = (32, 64, 96, 128)
#: An anomaly of fewer pixels is none.
LEAST_PIXELS = 12


class _Block(nn.Module):
    """Two 3 x 3 convolutions with a shortcut."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inner, outer, 3, padding=1)
        self.second = nn.Conv2d(outer, outer, 3, padding=1)
        self.norms = nn.ModuleList([nn.GroupNorm(8, outer), nn.GroupNorm(8, outer)])
        self.short = nn.Conv2d(inner, outer, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.silu(self.norms[0](self.first(x)))
        return F.silu(self.norms[1](self.second(y)) + self.short(x))


class Judge(nn.Module):
    """Pictures (N, 3, 128, 128) in [-1, 1] to logits (N, classes, 128, 128); class 0 = no anomaly, then the kinds."""

    def __init__(self, classes: int = 1 + len(KINDS), widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        inner = (3, *widths[:-1])
        self.down = nn.ModuleList([_Block(i, o) for i, o in zip(inner, widths, strict=True)])
        self.up = nn.ModuleList(
            [_Block(low + high, high) for low, high in zip(widths[:0:-1], widths[-2::-1], strict=True)]
        )
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for number, block in enumerate(self.down):
            x = block(F.avg_pool2d(x, 2) if number else x)
            kept.append(x)
        for block, skip in zip(self.up, kept[-2::-1], strict=True):
            x = block(torch.cat([F.interpolate(x, scale_factor=2.0), skip], 1))
        return self.head(x)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the judge says of N pictures.

    Attributes:
        kinds: (N,), the kind's place in `KINDS` plus 1; 0 = no anomaly.
        regions: (N, 128, 128), true where it sees an anomaly of any kind.
        shares: (N,), the named kind's share of all that it takes for an anomaly.
    """

    kinds: Tensor
    regions: Tensor
    shares: Tensor


@torch.no_grad()
def judge_pictures(judge: Judge, pictures: Tensor, batch: int = 250) -> Verdicts:
    """Name the kinds and find the regions of pictures (N, 3, 128, 128) in [-1, 1], whole images or parts."""
    kinds, regions, shares = [], [], []
    for chunk in pictures.split(batch):
        chances = judge(chunk.float()).float().softmax(1)
        region = chances.argmax(1) > 0
        weights = (chances[:, 1:] * region[:, None]).sum((2, 3))
        best = weights.argmax(1)
        seen = region.sum((1, 2)) >= LEAST_PIXELS
        kinds.append(torch.where(seen, best + 1, 0))
        regions.append(region)
        shares.append(weights.amax(1) / weights.sum(1).clamp_min(1e-6))
    return Verdicts(torch.cat(kinds), torch.cat(regions), torch.cat(shares))


def save_judge(judge: Judge, path: Path) -> None:
    """Write the weights in half precision."""
    save_file({name: value.half().contiguous().cpu() for name, value in judge.state_dict().items()}, path)


def load_judge(path: Path, device: str = "cpu") -> Judge:
    """A judge from its file, in float32, ready to judge."""
    judge = Judge().to(device)
    judge.load_state_dict({name: value.float() for name, value in load_file(path, device=device).items()})
    return judge.eval()
