"""Sheets to look at and numbers that the card states: how well marks survive, and what the base model draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from benchmarks.quality.judge import Judge, judge_pictures
from trainer.miniature.world.batch import Pictures
from trainer.miniature.world.draws import Draws
from trainer.miniature.world.materials import COLOURS
from trainer.miniature.world.objects import OBJECTS
from trainer.miniature.world.scene import KINDS, any_look, draw

from .data import floats
from .losses import half_precision

_STROKES = ("scratch", "crack", "thread")
_STRENGTHS = (1.0, 0.75, 0.5)


def save_sheet(path: Path, pictures: Tensor, columns: int) -> None:
    """Pictures (N, 3, h, w) in [-1, 1] as one PNG, row by row, two white pixels between."""
    tiles = pictures.float().cpu().clamp(-1, 1).add(1).mul(127.5).round().byte().permute(0, 2, 3, 1).numpy()
    padded = np.pad(tiles, ((0, -len(tiles) % columns), (1, 1), (1, 1), (0, 0)), constant_values=255)
    rows = [np.concatenate(list(padded[i : i + columns]), 1) for i in range(0, len(padded), columns)]
    Image.fromarray(np.concatenate(rows, 0)).save(path)


@torch.no_grad()
def recoded(vae: Any, pictures: Tensor, chunk: int = 250) -> Tensor:
    """Pictures in [-1, 1] after encoding (the mean) and decoding."""
    results = []
    for x in pictures.split(chunk):
        with half_precision(x.device):
            mean = vae.quant_conv(vae.encoder(x)).chunk(2, 1)[0]
            results.append(vae.decoder(vae.post_quant_conv(mean)).float())
    return torch.cat(results)


def _strokes(width: float, strength: float, count: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Drawn pictures with one stroke each, and their kinds (place in `KINDS` plus 1)."""
    images, kinds = [], []
    for index in range(count):
        kind = _STROKES[index % len(_STROKES)]
        look = any_look(Draws("stroke look", index), tuple(OBJECTS))
        images.append(draw(("stroke", index), look, kind, width, strength).image)
        kinds.append(KINDS.index(kind) + 1)
    stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).to(device)
    return floats(stacked), torch.tensor(kinds, device=device)


def marks_table(vae: Any, judge: Judge, device: torch.device, count: int) -> list[dict[str, float]]:
    """Share of strokes that the judge names rightly, by width and strength, drawn and after the VAE."""
    table = []
    for width in (1.0, 2.0, 3.0, 4.0, 5.0):
        for strength in _STRENGTHS:
            pictures, kinds = _strokes(width, strength, count, device)
            row = {"width": width, "strength": strength}
            for name, x in (("drawn", pictures), ("recoded", recoded(vae, pictures))):
                row[name] = round(float((judge_pictures(judge, x).kinds == kinds).float().mean()), 3)
            table.append(row)
    return table


def kinds_table(vae: Any, judge: Judge, held: Pictures, device: torch.device) -> dict[str, dict[str, float]]:
    """Share of held-out pictures that the judge names rightly, by kind, drawn and after the VAE; parts likewise."""
    images = floats(torch.from_numpy(held.images).permute(0, 3, 1, 2).to(device))
    masks = torch.from_numpy(held.masks).to(device)[:, None].float().div(255)
    kinds = torch.from_numpy(held.kinds).to(device).long()
    shown = {"whole": images, "part": images * masks}
    table: dict[str, dict[str, float]] = {kind: {} for kind in ("none", *KINDS, "any")}
    for frame, x in shown.items():
        for state, y in (("drawn", x), ("recoded", recoded(vae, x))):
            right = judge_pictures(judge, y).kinds == kinds
            for number, kind in enumerate(("none", *KINDS)):
                chosen = right[kinds == number]
                if len(chosen):
                    table[kind][f"{frame}, {state}"] = round(float(chosen.float().mean()), 3)
            table["any"][f"{frame}, {state}"] = round(float(right[kinds > 0].float().mean()), 3)
    return table


def vae_sheet(vae: Any, held: Pictures, device: torch.device, path: Path) -> None:
    """Twelve held-out pictures and twelve parts, each over its reconstruction."""
    chosen = np.flatnonzero(held.kinds)[:12]
    images = floats(torch.from_numpy(held.images[chosen]).permute(0, 3, 1, 2).to(device))
    parts = images * torch.from_numpy(held.masks[chosen]).to(device)[:, None].float().div(255)
    save_sheet(path, torch.cat([images, recoded(vae, images), parts, recoded(vae, parts)]), len(chosen))


def base_samples(pipeline: Any, judge: Judge, path: Path, count: int, steps: int, seed: int) -> dict[str, float]:
    """Draw `count` wholes, parts and good ones by caption; writes a sheet, returns the shares named rightly."""
    draws = Draws("samples", seed)
    objects = [name for name in OBJECTS if name != "sheet"]
    kinds = [KINDS[i % len(KINDS)] for i in range(count)]
    prompts = {
        "whole": [f"a photo of a {draws.choice(tuple(COLOURS))} {draws.choice(objects)} with a {k}" for k in kinds],
        "part": [f"a photo of a {kind} on grey" for kind in kinds],
        "good": [f"a photo of a {draws.choice(tuple(COLOURS))} {draws.choice(objects)}" for _ in kinds],
    }
    wanted = torch.tensor([KINDS.index(kind) + 1 for kind in kinds])
    numbers, shown = {}, []
    for frame, texts in prompts.items():
        generator = torch.Generator("cpu").manual_seed(seed)
        result = []
        for start in range(0, count, 250):
            some = texts[start : start + 250]
            made = pipeline(
                some, height=128, width=128, num_inference_steps=steps, guidance_scale=2.5, generator=generator,
                output_type="pt",
            ).images  # fmt: skip
            result.append(made.float() * 2 - 1)
        pictures = torch.cat(result)
        said = judge_pictures(judge, pictures).kinds.cpu()
        numbers[frame] = round(float((said == (0 if frame == "good" else wanted)).float().mean()), 3)
        shown.append(pictures[:32])
    save_sheet(path, torch.cat(shown), 16)
    return numbers


def shut(networks: dict[str, nn.Module]) -> None:
    """Networks as they are used: no gradients, no dropout."""
    for network in networks.values():
        network.eval().requires_grad_(False)
