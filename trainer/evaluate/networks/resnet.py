"""ResNet-34 (K. He et al., CVPR 2016) with torchvision's names, so that torchvision's weights load without it."""

from __future__ import annotations

from torch import Tensor, nn

_DEPTHS, _WIDTHS = (3, 4, 6, 3), (64, 128, 256, 512)


class _Basic(nn.Module):
    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outer)
        self.downsample = None
        if stride > 1 or inner != outer:
            self.downsample = nn.Sequential(nn.Conv2d(inner, outer, 1, stride, bias=False), nn.BatchNorm2d(outer))

    def forward(self, x: Tensor) -> Tensor:
        """The block's output."""
        short = x if self.downsample is None else self.downsample(x)
        x = nn.functional.relu(self.bn1(self.conv1(x)), inplace=True)
        return nn.functional.relu(self.bn2(self.conv2(x)) + short, inplace=True)


class ResNet34(nn.Module):
    """Pictures (N, 3, H, W) to logits (N, classes).

    Args:
        classes: how many.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inner = 64
        for number, (depth, width) in enumerate(zip(_DEPTHS, _WIDTHS, strict=True), 1):
            blocks = [_Basic(inner, width, 2 if number > 1 else 1)]
            blocks += [_Basic(width, width, 1) for _ in range(depth - 1)]
            setattr(self, f"layer{number}", nn.Sequential(*blocks))
            inner = width
        self.fc = nn.Linear(512, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the pictures."""
        x = nn.functional.relu(self.bn1(self.conv1(x)), inplace=True)
        x = nn.functional.max_pool2d(x, 3, 2, 1)
        for number in range(1, 5):
            x = getattr(self, f"layer{number}")(x)
        return self.fc(x.mean((2, 3)))
