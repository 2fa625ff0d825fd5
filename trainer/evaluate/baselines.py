"""What generated pairs are compared with: real anomalies alone or varied, CutPaste, Perlin noise. All by seed."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageEnhance
from torch import Tensor

from .pictures import Pairs

Field = npt.NDArray[np.float32]
#: By name: what a training set's anomalies are. `none`: good images alone.
TRAININGS = ("generated", "real", "augmentation", "cutpaste", "perlin", "none")
#: The trainings whose anomalies have classes.
WITH_CLASSES = ("generated", "real", "augmentation")


def varied(pairs: Pairs, count: int, seed: int) -> Pairs:
    """`count` pictures made of real ones by plain augmentation: mirrored, turned by up to 30 degrees, shifted by up
    to a
    sixteenth, brightness and contrast within a fifth; what comes in at the border mirrors the picture.
    """
    draws = random.Random(f"augmentation {seed}")
    made = []
    for number in range(count):
        place = number % len(pairs)
        image, mask = _image(pairs.images[place]), Image.fromarray(pairs.masks[place].numpy())
        made.append(_varied(image, mask, draws))
    return _stacked(made, pairs.images.shape[-1])


def _varied(image: Image.Image, mask: Image.Image, draws: random.Random) -> tuple[Image.Image, Image.Image]:
    side = image.width
    turn, flip = draws.uniform(-30, 30), draws.random() < 0.5
    shift = [round(draws.uniform(-side / 16, side / 16)) for _ in range(2)]
    out = []
    for one in (image, mask):
        pad = np.pad(np.asarray(one), [(side, side), (side, side), (0, 0)][: np.asarray(one).ndim], mode="reflect")
        wide = Image.fromarray(pad).rotate(turn, Image.Resampling.BILINEAR, translate=(shift[0], shift[1]))
        cut = wide.crop((side, side, 2 * side, 2 * side))
        out.append(cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else cut)
    bright = ImageEnhance.Brightness(out[0]).enhance(draws.uniform(0.8, 1.2))
    return ImageEnhance.Contrast(bright).enhance(draws.uniform(0.8, 1.2)), out[1]


def o2mag_augmentation(image: Tensor, mask: Tensor, draws: random.Random) -> tuple[Tensor, Tensor]:
    """O2MAG's own (eval/unet_utils/data_loader.py), with chance a half: crop, turn with room, paste shifted on
    black.
    """
    if draws.random() >= 0.5:
        return image, mask
    side = image.shape[-1]
    cut_x, cut_y = draws.randint(0, side // 16), draws.randint(0, side // 16)
    turn, shift = draws.uniform(-30, 30), (draws.randint(-16, 16), draws.randint(-16, 16))
    out = []
    for one in (_image(image), Image.fromarray(mask.numpy())):
        turned = one.crop((cut_x, cut_y, side - cut_x, side - cut_y)).rotate(turn, expand=True)
        canvas = Image.new(one.mode, (side, side))
        canvas.paste(turned, shift)
        out.append(canvas)
    pair = _stacked([(out[0], out[1])], side)
    return pair.images[0], pair.masks[0]


def cutpaste(good: Tensor, count: int, seed: int) -> Pairs:
    """CutPaste (C.-L. Li et al., CVPR 2021): a patch of 2 to 15 % of a good picture, its colours jittered by up to a
    tenth, pasted elsewhere in it; the mask is the patch.

    Args:
        good: uint8 (N, 3, P, P).
        count: how many.
        seed: decides all.
    """
    draws = random.Random(f"cutpaste {seed}")
    side = good.shape[-1]
    images, masks = [], []
    for number in range(count):
        image, mask = good[number % len(good)].clone(), torch.zeros((side, side), dtype=torch.uint8)
        area = draws.uniform(0.02, 0.15) * side * side
        aspect = math.exp(draws.uniform(math.log(0.3), math.log(1 / 0.3)))
        height = min(max(2, round(math.sqrt(area * aspect))), side - 1)
        width = min(max(2, round(math.sqrt(area / aspect))), side - 1)
        top, left, to_top, to_left = (draws.randrange(side - size) for size in (height, width, height, width))
        patch = image[:, top : top + height, left : left + width].float()
        change = torch.tensor([draws.uniform(0.9, 1.1) for _ in range(3)])[:, None, None]
        pasted = (patch * change).round().clamp(0, 255).to(torch.uint8)
        image[:, to_top : to_top + height, to_left : to_left + width] = pasted
        mask[to_top : to_top + height, to_left : to_left + width] = 255
        images.append(image)
        masks.append(mask)
    return Pairs(torch.stack(images), torch.stack(masks))


def perlin(good: Tensor, count: int, seed: int) -> Pairs:
    """DRAEM's anomalies (V. Zavrtanik et al., ICCV 2021): where turned Perlin noise exceeds 0.5 another texture shows
    through, its opacity uniform in 0.1 to 1. The texture is another good picture, its tiles shuffled and its colours
    inverted or shifted, since DTD, DRAEM's source, is not at hand.
    """
    draws = np.random.default_rng([seed, 0x5EED])
    side = good.shape[-1]
    images, masks = [], []
    for number in range(count):
        image = good[number % len(good)].float()
        region = np.zeros((side, side), bool)
        while not region.any():
            region = perlin_noise(draws, side) > 0.5
        texture = _texture(good[int(draws.integers(len(good)))], draws)
        opacity = float(draws.uniform(0.1, 1.0))
        where = torch.from_numpy(region)
        mixed = torch.where(where, (1 - opacity) * image + opacity * texture, image)
        images.append(mixed.round().clamp(0, 255).to(torch.uint8))
        masks.append(where.to(torch.uint8) * 255)
    return Pairs(torch.stack(images), torch.stack(masks))


def perlin_noise(draws: np.random.Generator, side: int) -> Field:
    """Perlin's gradient noise (side, side), about -1 to 1, 1 to 32 cells a side, turned by any multiple of 90
    degrees.
    """
    cells = [2 ** int(draws.integers(0, min(6, int(math.log2(side))))) for _ in range(2)]
    angles = draws.uniform(0, 2 * math.pi, (cells[0] + 1, cells[1] + 1))
    at = [np.arange(side) * count / side for count in cells]
    low = [np.floor(place).astype(int) for place in at]
    part = [place - floor for place, floor in zip(at, low, strict=True)]
    fade = [t**3 * (t * (6 * t - 15) + 10) for t in part]

    def corner(down: int, right: int) -> npt.NDArray[np.float64]:
        angle = angles[np.ix_(low[0] + down, low[1] + right)]
        towards = np.cos(angle) * (part[0][:, None] - down) + np.sin(angle) * (part[1][None] - right)
        return np.asarray(towards, np.float64)

    top = corner(0, 0) + (corner(0, 1) - corner(0, 0)) * fade[1][None]
    bottom = corner(1, 0) + (corner(1, 1) - corner(1, 0)) * fade[1][None]
    noise = math.sqrt(2) * (top + (bottom - top) * fade[0][:, None])
    return np.asarray(np.rot90(noise, int(draws.integers(4))), np.float32).copy()


def _texture(image: Tensor, draws: np.random.Generator) -> Tensor:
    """Another picture's pixels as a texture, float (3, P, P)."""
    parts = 4 if image.shape[-1] % 4 == 0 else 1
    rows = list(image.float().chunk(parts, 1))
    tiles = [tile for row in rows for tile in row.chunk(parts, 2)]
    order = draws.permutation(len(tiles))
    rows = [torch.cat([tiles[order[r * parts + c]] for c in range(parts)], 2) for r in range(parts)]
    shuffled = torch.cat(rows, 1)
    if draws.random() < 0.5:
        shuffled = 255 - shuffled
    return shuffled + torch.from_numpy(draws.uniform(-60, 60, (3, 1, 1)).astype(np.float32))


def _image(pixels: Tensor) -> Image.Image:
    return Image.fromarray(pixels.permute(1, 2, 0).numpy())


def _stacked(made: list[tuple[Image.Image, Image.Image]], side: int) -> Pairs:
    if not made:
        return Pairs(
            torch.zeros((0, 3, side, side), dtype=torch.uint8), torch.zeros((0, side, side), dtype=torch.uint8)
        )
    images = torch.stack([torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1) for image, _ in made])
    masks = [np.asarray(mask) for _, mask in made]
    return Pairs(images, torch.stack([torch.from_numpy((mask >= 128).astype(np.uint8) * 255) for mask in masks]))


#: Baselines that are made of good pictures.
FROM_GOOD: dict[str, Callable[[Tensor, int, int], Pairs]] = {"cutpaste": cutpaste, "perlin": perlin}
