"""What each network is trained on; all data are on the device, and every draw is made there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Loss = Callable[[], tuple[Tensor, dict[str, Tensor]]]


@dataclass(frozen=True, slots=True)
class DeviceData:
    """Drawn pictures on the device, uint8.

    Attributes:
        images: (N, 3, 128, 128).
        masks: (N, 1, 128, 128), 255 = anomaly.
        objects: (N, 1, 128, 128), 255 = object.
        kinds: (N,) int64, 0 = none.
    """

    images: Tensor
    masks: Tensor
    objects: Tensor
    kinds: Tensor

    def sample(self, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Random pictures, mirrored at random: images in [-1, 1], masks and objects in 0..1, kinds."""
        index = torch.randint(len(self.images), (count,), device=self.images.device)
        image = self.images[index].float().div(127.5).sub(1)
        mask, objects = self.masks[index].float().div(255), self.objects[index].float().div(255)
        for axis in (-1, -2):
            turned = torch.rand(count, 1, 1, 1, device=image.device) < 0.5
            image, mask, objects = (torch.where(turned, x.flip(axis), x) for x in (image, mask, objects))
        return image, mask, objects, self.kinds[index]


def half_precision(device: torch.device) -> AbstractContextManager[None]:
    """bfloat16 where it pays; without autocast's cache, which a CUDA graph cannot hold."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda", cache_enabled=False)


def vae_loss(vae: Any, data: DeviceData, batch: int) -> Loss:
    """Mean and worst errors, the anomaly's own error, edges, and a light pull of the latents to a normal distribution.

    A mean alone forgets thin marks: they cost nothing in it. So the anomaly with three pixels around it, its edges
    too, and each picture's worst 2 % count once more. Of the pictures, about a third are anomalies alone on mid-grey
    and a tenth backgrounds with the object black, as the method trains them.
    """

    def loss() -> tuple[Tensor, dict[str, Tensor]]:
        image, mask, objects, kinds = data.sample(batch)
        chance = torch.rand(batch, 1, 1, 1, device=image.device)
        part = (chance < 0.5) & (kinds > 0)[:, None, None, None]
        background = (chance > 0.9) & ~part
        x = torch.where(part, image * mask, torch.where(background, (image + 1) * (1 - objects) - 1, image))
        x = x.contiguous(memory_format=torch.channels_last)
        with half_precision(x.device):
            moments = vae.quant_conv(vae.encoder(x)).float()
            mean, spread = moments.chunk(2, 1)
            spread = spread.clamp(-30, 20)
            latents = mean + (0.5 * spread).exp() * torch.randn_like(mean)
            y = vae.decoder(vae.post_quant_conv(latents))
        error = y.float() - x
        size = error.abs()
        across, down = error.diff(dim=-1).abs(), error.diff(dim=-2).abs()
        near = F.max_pool2d(mask, 7, 1, 3)
        own = sum((e * near[..., : e.shape[-2], : e.shape[-1]]).mean() for e in (size, across, down))
        own = own / near.mean().clamp_min(1e-4)
        worst = size.amax(1).flatten(1).topk(x.shape[-1] * x.shape[-2] // 50, 1).values.mean()
        pull = 0.5 * (mean.square() + spread.exp() - 1 - spread).mean()
        value = size.mean() + across.mean() + down.mean() + 0.5 * worst + 0.5 * own + 2e-4 * pull
        return value, {"l1": size.mean(), "anomaly": own, "worst": worst, "kl": pull}

    return loss


def spoilt(x: Tensor) -> Tensor:
    """Pictures (N, 3, H, W) as a small VAE might return them: wobbling, blurred, colours run, clouds and noise."""
    batch, _, height, width = x.shape

    def chance(low: float, high: float, channels: int = 1) -> Tensor:
        return low + (high - low) * torch.rand(batch, channels, 1, 1, device=x.device)

    def clouds(channels: int, cells: int) -> Tensor:
        noise = torch.randn(batch, channels, height // cells, width // cells, device=x.device)
        return F.interpolate(noise, (height, width), mode="bilinear")

    def blurred(y: Tensor, size: int) -> Tensor:
        return F.avg_pool2d(y, size, 1, size // 2, count_include_pad=False)

    lines = torch.linspace(-1 + 1 / width, 1 - 1 / width, width, device=x.device)
    grid = torch.stack(torch.meshgrid(lines, lines, indexing="xy"), -1)
    moves = clouds(2, 8) * chance(0, 0.9) * (2 / width)
    x = F.grid_sample(x, grid + moves.permute(0, 2, 3, 1), padding_mode="border", align_corners=False)
    x = torch.lerp(x, blurred(blurred(x, 3), 3), chance(-0.3, 1))
    grey = x.mean(1, keepdim=True)
    x = grey + torch.lerp(x - grey, blurred(blurred(x - grey, 7), 5), chance(0, 0.8))
    return x + clouds(3, 4) * chance(0, 0.05) + clouds(3, 16) * chance(0, 0.06) + torch.randn_like(x) * chance(0, 0.04)


@torch.no_grad()
def recoded_loosely(vae: Any, x: Tensor) -> Tensor:
    """Pictures after the VAE, their latents drawn up to one and a half of its own deviations from the mean."""
    with half_precision(x.device):
        mean, spread = vae.quant_conv(vae.encoder(x)).float().chunk(2, 1)
        wide = 1.5 * torch.rand(len(x), 1, 1, 1, device=x.device)
        latents = mean + wide * (0.5 * spread.clamp(-30, 20)).exp() * torch.randn_like(mean)
        return vae.decoder(vae.post_quant_conv(latents)).float()


def judge_loss(judge: nn.Module, vae: Any, data: DeviceData, batch: int) -> Loss:
    """Cross-entropy of each pixel's kind; all pictures tinted, a third parts on grey.

    One half of them goes through the VAE, which is how it spoils a drawn picture; of the rest three in four are
    `spoilt` otherwise. No picture is a generated one.
    """

    def loss() -> tuple[Tensor, dict[str, Tensor]]:
        image, mask, _, kinds = data.sample(batch)
        device = image.device

        def chance(low: float, high: float, channels: int = 1) -> Tensor:
            return low + (high - low) * torch.rand(batch, channels, 1, 1, device=device)

        part = (chance(0, 1) < 0.35) & (kinds > 0)[:, None, None, None]
        x = torch.where(part, image * mask, image)
        through, rest = x[: batch // 2], x[batch // 2 :]
        rest = torch.where(chance(0, 1)[batch // 2 :] < 0.75, spoilt(rest), rest)
        x = torch.cat([recoded_loosely(vae, through), rest])
        x = x * chance(0.9, 1.1) + chance(-0.06, 0.06, 3)
        target = kinds[:, None, None] * (mask[:, 0] > 0.5).long()
        with half_precision(device):
            logits = judge(x)
        weight = 1 + 3 * (target > 0).float()
        losses = F.cross_entropy(logits.float(), target, reduction="none", label_smoothing=0.02)
        return (losses * weight).sum() / weight.sum(), {}

    return loss


@dataclass(frozen=True, slots=True)
class LatentData:
    """Encoded pictures and their captions' tokens.

    Attributes:
        means, spreads: (M, 4, 16, 16), of the VAE's distributions, times the scaling factor.
        captions: (M,), rows of `tokens`.
        tokens: (T, 77); row 0 is the empty caption.
        wholes: how many of the M, the first ones, are whole pictures; the rest are parts.
    """

    means: Tensor
    spreads: Tensor
    captions: Tensor
    tokens: Tensor
    wholes: int


def diffusion_loss(unet: Any, text: Any, data: LatentData, products: Tensor, batch: int) -> Loss:
    """The error of the predicted noise; one caption in ten is empty, a third of the pictures are parts.

    Args:
        unet: the UNet.
        text: the text encoder.
        data: what to learn from.
        products: (1000,), the schedule's cumulative products of 1 - beta.
        batch: pictures a step.
    """
    parts = len(data.means) - data.wholes

    def loss() -> tuple[Tensor, dict[str, Tensor]]:
        device = data.means.device
        of_parts = torch.rand(batch, device=device) < (0.35 if parts else 0.0)
        place = torch.rand(batch, device=device)
        index = torch.where(of_parts, data.wholes + place * parts, place * data.wholes).long()
        index = index.clamp_max(len(data.means) - 1)
        mean, spread = data.means[index].float(), data.spreads[index].float()
        latents = mean + spread * torch.randn_like(mean)
        noise = torch.randn_like(latents)
        times = torch.randint(len(products), (batch,), device=device)
        product = products[times][:, None, None, None]
        kept = torch.rand(batch, device=device) > 0.1
        ids = data.tokens[data.captions[index] * kept.long()]
        with half_precision(device):
            states = text(ids)[0]
            noisy = product.sqrt() * latents + (1 - product).sqrt() * noise
            predicted = unet(noisy, times, states, return_dict=False)[0]
        return F.mse_loss(predicted.float(), noise), {}

    return loss
