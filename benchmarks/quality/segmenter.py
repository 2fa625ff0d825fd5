"""Worth having? A small segmenter trained on 3 real images and something more, tested on drawn images never seen.

    python -m benchmarks.quality.segmenter --pairs DIR --output TABLE.json [--seeds 0,1,2] [--processes 12]

DIR: sheets of `pool`, by category, kind and seed. For each, the same network trained for as many steps on 3 real
images with ordinary augmentation; on these and the generated pairs that the gate accepted; on these and CutPaste
(Li et al., CVPR 2021); on these and Perlin noise (DRAEM, Zavrtanik et al., ICCV 2021), both made from the same 3 real
and the good images; and on 100 real images. All have the 12 good images too. Measured: pixel AP on 60 images with the
anomaly and 20 without.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.miniature.world.categories import draw_category

from .judge import Judge
from .work import read_sheet

REAL, MANY, GOOD, TEST, TEST_GOOD = 3, 100, 12, 60, 20
STEPS, BATCH, RATE, WIDTHS = 400, 12, 2e-3, (16, 32, 48, 64)
ARMS = ("3 real", "3 real + generated", "3 real + CutPaste", "3 real + Perlin", "100 real")
Pixels = npt.NDArray[np.uint8]
Set = tuple[Pixels, Pixels]


def drawn(category: str, kind: str | None, start: int, count: int) -> Set:
    """Images (N, 128, 128, 3) and masks (N, 128, 128)."""
    pictures = [draw_category(category, kind, 0, index) for index in range(start, start + count)]
    return np.stack([p.image for p in pictures]), np.stack([p.anomaly_mask for p in pictures])


def augmented(images: Tensor, masks: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Flips, turns by up to 20 degrees, scales, shifts, brightness and contrast: what one would do with few images."""
    count, device = len(images), images.device

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator).to(device)

    angle, scale = uniform(-0.35, 0.35), uniform(0.85, 1.15)
    mirror = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0), torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    rows = [torch.stack([cos * mirror[0], -sin, uniform(-0.1, 0.1)], 1)]
    rows.append(torch.stack([sin, cos * mirror[1], uniform(-0.1, 0.1)], 1))
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    images = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    masks = F.grid_sample(masks[:, None], grid, align_corners=False)[:, 0]
    shift, gain = uniform(-0.1, 0.1)[:, None, None, None], uniform(0.85, 1.15)[:, None, None, None]
    return images * gain + shift, (masks > 0.5).float()


def cutpaste(good: Pixels, count: int, rng: np.random.Generator) -> Set:
    """A patch of a good image pasted elsewhere, half of them thin scars, colours jittered by a tenth."""
    images, masks = [], []
    for _ in range(count):
        image = good[rng.integers(len(good))].copy()
        if rng.random() < 0.5:
            height, width = (int(side * 128) for side in _patch_sides(rng))
            angle = 0.0
        else:
            width, height = rng.integers(2, 17), rng.integers(10, 26)
            angle = rng.uniform(-45, 45)
        source = good[rng.integers(len(good))]
        row, column = rng.integers(0, 128 - height), rng.integers(0, 128 - width)
        patch = source[row : row + height, column : column + width].astype(np.float32)
        patch = np.clip(patch * rng.uniform(0.9, 1.1, 3), 0, 255).astype(np.uint8)
        mask, patch = _turned(patch, angle)
        row, column = (rng.integers(0, 129 - side) for side in mask.shape)
        place = np.s_[row : row + mask.shape[0], column : column + mask.shape[1]]
        image[place] = np.where(mask[..., None] > 0, patch, image[place])
        whole = np.zeros((128, 128), np.uint8)
        whole[place] = mask
        images.append(image)
        masks.append(whole)
    return np.stack(images), np.stack(masks)


def _patch_sides(rng: np.random.Generator) -> tuple[float, float]:
    area, ratio = rng.uniform(0.02, 0.15), np.exp(rng.uniform(np.log(0.3), np.log(3.3)))
    return min(0.9, float(np.sqrt(area * ratio))), min(0.9, float(np.sqrt(area / ratio)))


def _turned(patch: Pixels, angle: float) -> tuple[Pixels, Pixels]:
    """The patch turned by some degrees, and where it is (255)."""
    from PIL import Image

    mask = Image.new("L", patch.shape[1::-1], 255).rotate(angle, expand=True)
    return np.asarray(mask), np.asarray(Image.fromarray(patch).rotate(angle, expand=True))


def perlin(good: Pixels, real: Pixels, count: int, rng: np.random.Generator) -> Set:
    """DRAEM's: Perlin noise above 0.5 lets another picture through, opacity 0 to 0.8; textures from the real images.

    DRAEM takes its textures from another data set; only the 3 real images are given here, shuffled in blocks.
    """
    images, masks = [], []
    for _ in range(count):
        image = good[rng.integers(len(good))].astype(np.float32)
        noise = _perlin_noise(2 ** int(rng.integers(1, 5)), 2 ** int(rng.integers(1, 5)), rng)
        mask = noise > 0.5
        texture = real[rng.integers(len(real))].reshape(8, 16, 8, 16, 3).transpose(0, 2, 1, 3, 4).reshape(64, 16, 16, 3)
        texture = texture[rng.permutation(64)].reshape(8, 8, 16, 16, 3).transpose(0, 2, 1, 3, 4).reshape(128, 128, 3)
        texture = np.clip(texture * rng.uniform(0.7, 1.3, 3), 0, 255)
        kept = rng.uniform(0, 0.8)
        mixed = kept * image + (1 - kept) * texture
        images.append(np.where(mask[..., None], mixed, image).astype(np.uint8))
        masks.append(mask.astype(np.uint8) * np.uint8(255))
    return np.stack(images), np.stack(masks)


def _perlin_noise(rows: int, columns: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Perlin's gradient noise (K. Perlin, Improving Noise, 2002) of 128 x 128 with so many cells, about -0.7..0.7."""
    angles = rng.uniform(0, 2 * np.pi, (rows + 1, columns + 1))
    y, x = np.mgrid[0:128, 0:128] / 128.0
    y, x = y * rows, x * columns
    top, left = y.astype(int), x.astype(int)
    y, x = y - top, x - left

    def corner(down: int, right: int) -> npt.NDArray[np.float64]:
        angle = angles[top + down, left + right]
        return np.cos(angle) * (x - right) + np.sin(angle) * (y - down)

    fade_x, fade_y = (t**3 * (t * (t * 6 - 15) + 10) for t in (x, y))
    upper = corner(0, 0) + fade_x * (corner(0, 1) - corner(0, 0))
    lower = corner(1, 0) + fade_x * (corner(1, 1) - corner(1, 0))
    return np.sqrt(2) * (upper + fade_y * (lower - upper))


def train_segmenter(parts: list[Set], seed: int, device: str) -> torch.nn.Module:
    """The judge's network with one class, each step's pictures drawn in equal shares from the parts."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    net = Judge(classes=2, widths=WIDTHS).to(device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, STEPS)
    sets = [(_floats(images).to(device), torch.from_numpy(masks > 127).float().to(device)) for images, masks in parts]
    for _ in range(STEPS):
        chosen = torch.randint(len(sets), (BATCH,), generator=generator).tolist()
        picked = [(number, int(torch.randint(len(sets[number][0]), (1,), generator=generator))) for number in chosen]
        images = torch.stack([sets[number][0][index] for number, index in picked])
        masks = torch.stack([sets[number][1][index] for number, index in picked])
        images, masks = augmented(images, masks, generator)
        logits = net(images)
        loss = F.cross_entropy(logits, masks.long())
        chance = logits.softmax(1)[:, 1]
        dice = 1 - (2 * (chance * masks).sum() + 1) / (chance.sum() + masks.sum() + 1)
        optimizer.zero_grad(set_to_none=True)
        (loss + dice).backward()
        optimizer.step()
        schedule.step()
    return net.eval()


def _floats(images: Pixels) -> Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).float().div(127.5).sub(1)


@torch.no_grad()
def pixel_ap(net: torch.nn.Module, images: Pixels, masks: Pixels, device: str) -> float:
    """Average precision over all pixels: sum of (R_n - R_n-1) P_n over the scores in falling order."""
    scores = torch.cat([net(x.to(device)).softmax(1)[:, 1].cpu() for x in _floats(images).split(20)]).flatten()
    truth = torch.from_numpy(masks > 127).flatten()[scores.argsort(descending=True, stable=True)].double()
    precision = truth.cumsum(0) / torch.arange(1, len(truth) + 1)
    return float((precision * truth).sum() / truth.sum())


def run_case(case: tuple[Path, str, str, int, str, str]) -> dict[str, Any]:
    """One arm of one category and seed."""
    sheet, category, kind, seed, arm, device = case
    torch.set_num_threads(1)
    rng = np.random.default_rng([seed, ARMS.index(arm)])
    real, (good, nothing) = drawn(category, kind, 0, REAL), drawn(category, None, 0, GOOD)
    parts = [real, (good, nothing)]
    if arm == "3 real + generated":
        _, records, pixels = read_sheet(sheet)
        kept = [number for number, record in enumerate(records) if record["rejected"] is None]
        parts.append((pixels[kept, 0], pixels[kept, 2, :, :, 0]))
    elif arm == "3 real + CutPaste":
        parts.append(cutpaste(good, MANY, rng))
    elif arm == "3 real + Perlin":
        parts.append(perlin(good, real[0], MANY, rng))
    elif arm == "100 real":
        parts[0] = drawn(category, kind, 0, MANY)
    test, clean = drawn(category, kind, 1000, TEST), drawn(category, None, 1000, TEST_GOOD)
    net = train_segmenter(parts, seed, device)
    ap = pixel_ap(net, np.concatenate([test[0], clean[0]]), np.concatenate([test[1], clean[1]]), device)
    return {
        "category": category,
        "kind": kind,
        "seed": seed,
        "arm": arm,
        "ap": round(ap, 4),
        "pairs": len(parts[-1][0]),
    }


def gap_closed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """For each arm: mean AP, and the share of the gap between 3 and 100 real images that it closes, with its interval.

    The interval is 95 % of 2,000 bootstrap samples of the (category, seed) cases.
    """
    cases = sorted({(row["category"], row["seed"]) for row in rows})
    ap = {(row["category"], row["seed"], row["arm"]): row["ap"] for row in rows}
    rng = np.random.default_rng(0)
    table = {}
    for arm in ARMS:
        values = np.array([[ap[(*case, name)] for name in (arm, ARMS[0], ARMS[-1])] for case in cases])

        def closed(some: npt.NDArray[np.float64]) -> float:
            own, few, many = some.mean(0)
            return float((own - few) / max(many - few, 1e-9))

        samples = [closed(values[rng.integers(len(values), size=len(values))]) for _ in range(2000)]
        table[arm] = {
            "ap": round(float(values[:, 0].mean()), 3),
            "spread": round(statistics.pstdev(values[:, 0].tolist()), 3),
            "gap closed": round(closed(values), 3),
            "95 %": [round(float(v), 3) for v in np.percentile(samples, [2.5, 97.5])],
        }
    return table


def main() -> None:
    """Make the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.segmenter")
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=12)
    parser.add_argument("--arms", type=lambda text: text.split(","), default=list(ARMS))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    cases = []
    for file in sorted(options.pairs.glob("*.json")):
        task = json.loads(file.read_text(encoding="utf-8"))["task"]
        own = (file.with_suffix(""), task["category"], task["kind"], task["seed"])
        cases += [(*own, arm, options.device) for arm in options.arms]
    rows = []
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for row in pool.imap_unordered(run_case, cases):
            rows.append(row)
            print(json.dumps(row), flush=True)
            options.output.write_text(json.dumps({"rows": rows}, indent=1), encoding="utf-8")
    if set(options.arms) == set(ARMS):
        table = gap_closed(rows)
        options.output.write_text(json.dumps({"table": table, "rows": rows}, indent=1), encoding="utf-8")
        print(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
