"""Drawn pictures, kept between pieces, and what is made of them for training."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer.miniature.world.batch import Pictures, draw_many
from trainer.miniature.world.objects import OBJECTS

from .losses import DeviceData, LatentData, half_precision

_ARRAYS = ("images", "masks", "objects", "kinds")


def drawn(folder: Path, seed: int, count: int, objects: tuple[str, ...] = tuple(OBJECTS)) -> Pictures:
    """The pictures of that seed: from `folder`, or drawn and left there."""
    done = folder / "captions.json"
    if done.exists():
        texts = json.loads(done.read_text(encoding="utf-8"))
        return Pictures(**{name: np.load(folder / f"{name}.npy") for name in _ARRAYS}, **texts)
    pictures = draw_many(seed, count, objects)
    folder.mkdir(parents=True, exist_ok=True)
    for name in _ARRAYS:
        np.save(folder / f"{name}.npy", getattr(pictures, name))
    texts = {name: value for name, value in asdict(pictures).items() if isinstance(value, list)}
    done.write_text(json.dumps(texts), encoding="utf-8")
    return pictures


def on_device(pictures: Pictures, device: torch.device) -> DeviceData:
    """The arrays on the device, channels first."""
    return DeviceData(
        torch.from_numpy(pictures.images).to(device).permute(0, 3, 1, 2).contiguous(),
        torch.from_numpy(pictures.masks).to(device)[:, None],
        torch.from_numpy(pictures.objects).to(device)[:, None],
        torch.from_numpy(pictures.kinds).to(device).long(),
    )


def floats(images: Tensor) -> Tensor:
    """uint8 pictures in [-1, 1]."""
    return images.float().div(127.5).sub(1)


@torch.no_grad()
def encoded(vae: Any, data: DeviceData, chunk: int = 500) -> tuple[Tensor, Tensor, Tensor]:
    """Means and spreads (M, 4, 16, 16) of all wholes, then of all parts, in half precision; which wholes have parts."""
    having = data.kinds.nonzero()[:, 0]
    means, spreads = [], []
    for part, indices in ((False, torch.arange(len(data.images), device=data.images.device)), (True, having)):
        for index in indices.split(chunk):
            x = floats(data.images[index])
            if part:
                x = x * data.masks[index].float().div(255)
            with half_precision(x.device):
                mean, spread = vae.quant_conv(vae.encoder(x)).float().chunk(2, 1)
            means.append(mean.half())
            spreads.append((0.5 * spread.clamp(-30, 20)).exp().half())
    return torch.cat(means), torch.cat(spreads), having


def scaling_factor(means: Tensor, spreads: Tensor) -> float:
    """What brings the latents' mean square to 1."""
    square = means.float().square().mean() + spreads.float().square().mean()
    return float(1 / square.sqrt())


def latent_data(vae: Any, tokenizer: Any, pictures: Pictures, data: DeviceData) -> tuple[LatentData, float]:
    """Latents, scaled, with their captions' tokens; and the scaling factor."""
    means, spreads, having = encoded(vae, data)
    scale = scaling_factor(means[: len(data.images)], spreads[: len(data.images)])
    captions = pictures.captions + [pictures.part_captions[i] for i in having.tolist()]
    rows = {text: row for row, text in enumerate(dict.fromkeys(["", *captions]))}
    padded = tokenizer(list(rows), padding="max_length", truncation=True, max_length=77, return_tensors="pt")
    which = torch.tensor([rows[text] for text in captions], device=means.device)
    tokens = padded.input_ids.to(means.device)
    return LatentData(means * scale, spreads * scale, which, tokens, len(data.images)), scale
