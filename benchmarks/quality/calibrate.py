"""The gate on drawn pairs with truth: its measures for good pairs and for each fault, and what it makes of them.

    python -m benchmarks.quality.calibrate --output TABLE.json [--categories gear,button,bracket] [--pairs 6]

Every picture goes through the miniature's VAE, as a generated one comes out of it. Thresholds are chosen on the tuning
categories alone; `--categories bottle,key,propeller` then judges them. No judge takes part.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from trainer.generate.gate import Background, Reference, judge_pair
from trainer.generate.reference import TrainingPair
from trainer.miniature.base import TRAINED_BASE, write_base_model
from trainer.miniature.world.categories import TUNING_CATEGORIES, category_look, draw_category
from trainer.miniature.world.scene import KINDS, draw

Pixels = npt.NDArray[np.uint8]
#: How many pictures of a kind train, as in the miniature data.
TRAINING = 3
#: What the gate should do with each case.
GOOD = ("good", "speck")


@dataclass(frozen=True, slots=True)
class Scene:
    """A drawn picture and the same without its anomaly."""

    image: Pixels
    mask: npt.NDArray[np.bool_]
    clean: Pixels
    objects: Pixels

    @property
    def part(self) -> Pixels:
        return on_grey(self.image, self.mask)


def on_grey(image: Pixels, mask: npt.NDArray[np.bool_]) -> Pixels:
    return np.where(mask[..., None], image, np.uint8(128))


def scene(category: str, kind: str, index: int) -> Scene:
    picture = draw_category(category, kind, 0, index)
    clean = draw((category, kind, 0, index), category_look(category), None)
    return Scene(picture.image, picture.anomaly_mask > 0, clean.image, clean.object_mask)


class Recoder:
    """Pictures as the miniature's VAE returns them, latents drawn from its own distribution."""

    def __init__(self) -> None:
        from diffusers import AutoencoderKL

        with tempfile.TemporaryDirectory() as folder:
            write_base_model(TRAINED_BASE, Path(folder))
            self.vae: Any = AutoencoderKL.from_pretrained(Path(folder) / "vae").eval()
        self.generator = torch.Generator().manual_seed(0)

    @torch.no_grad()
    def __call__(self, pictures: list[Pixels]) -> list[Pixels]:
        x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().div(127.5).sub(1)
        y = self.vae.decode(self.vae.encode(x).latent_dist.sample(self.generator)).sample
        return list(y.clamp(-1, 1).add(1).mul(127.5).round().byte().permute(0, 2, 3, 1).numpy())


def _speck(scene: Scene) -> tuple[Pixels, Pixels]:
    part = scene.part.copy()
    part[:2, 60:64] = 30
    return scene.image, part


def _at_the_border(scene: Scene) -> tuple[Pixels, Pixels]:
    """Moved so that the anomaly is cut in half by the border."""
    middle = int(np.nonzero(scene.mask)[0].mean())
    return scene.image[np.r_[middle:128, 0:middle]], scene.part[np.r_[middle:128, 0:middle]]


#: (this scene, another of the same kind, one of another kind) to whole image and part.
Case = Callable[[Scene, Scene, Scene], tuple[Pixels, Pixels]]
CASES: dict[str, Case] = {
    "good": lambda own, other, wrong: (own.image, own.part),
    "speck": lambda own, other, wrong: _speck(own),
    "image without": lambda own, other, wrong: (own.clean, own.part),
    "elsewhere": lambda own, other, wrong: (other.image, own.part),
    "part without": lambda own, other, wrong: (own.image, np.full_like(own.image, 128)),
    "at the border": lambda own, other, wrong: _at_the_border(own),
    "another kind": lambda own, other, wrong: (wrong.image, wrong.part),
}


def rows_of(category: str, kind: str, pairs: int, recode: Recoder) -> list[dict[str, Any]]:
    """One row a case and pair: measures and reasons."""
    scenes = [scene(category, kind, index) for index in range(TRAINING + pairs + 1)]
    wrong_kind = KINDS[(KINDS.index(kind) + 3) % len(KINDS)]
    trained = scenes[:TRAINING]
    reference = Reference(tuple(TrainingPair(f"{number:03d}.png", s.image, s.mask) for number, s in enumerate(trained)))
    made: list[tuple[str, Scene, Pixels, Pixels]] = []
    for index in range(TRAINING, TRAINING + pairs):
        own, other, wrong = scenes[index], scenes[index + 1], scene(category, wrong_kind, index)
        made += [
            (name, wrong if name == "another kind" else own, *case(own, other, wrong)) for name, case in CASES.items()
        ]
    made += [("a copy", s, s.image[:, ::-1], s.part[:, ::-1]) for s in trained]
    wholes, parts = (
        recode([np.ascontiguousarray(row[2]) for row in made]),
        recode([np.ascontiguousarray(row[3]) for row in made]),
    )
    rows = []
    for (name, own, *_), image, part in zip(made, wholes, parts, strict=True):
        turned = name in ("at the border", "a copy")
        background = None if turned else Background(own.clean, own.objects >= 128)
        verdict = judge_pair(image, part, reference, background)
        row = {"category": category, "kind": kind, "case": name, "reasons": verdict.reasons, **verdict.measures}
        if name in GOOD and verdict.mask.any():
            row["overlap"] = float((verdict.mask & own.mask).sum() / (verdict.mask | own.mask).sum())
        rows.append(row)
    return rows


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """For each case: share accepted, reasons, and the 5th, 50th and 95th percentile of every measure."""
    table = {}
    for case in (*CASES, "a copy"):
        own = [row for row in rows if row["case"] == case]
        names = sorted({name for row in own for name, value in row.items() if isinstance(value, float)})
        reasons = sorted({reason for row in own for reason in row["reasons"]})
        table[case] = {
            "pairs": len(own),
            "accepted": round(sum(not row["reasons"] for row in own) / max(1, len(own)), 3),
            "reasons": {reason: sum(reason in row["reasons"] for row in own) for reason in reasons},
            "percentiles": {
                name: [
                    round(float(v), 3) for v in np.percentile([r[name] for r in own if name in r], [0, 5, 50, 95, 100])
                ]
                for name in names
            },
        }
    return table


def main() -> None:
    """Make the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.calibrate")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--categories", type=lambda text: text.split(","), default=list(TUNING_CATEGORIES))
    parser.add_argument("--pairs", type=int, default=6, help="of each kind and category (%(default)s)")
    options = parser.parse_args()
    recode, rows = Recoder(), []
    for category in options.categories:
        for kind in KINDS:
            rows += rows_of(category, kind, options.pairs, recode)
            print(category, kind, len(rows), flush=True)
    table = summary(rows)
    options.output.write_text(json.dumps({"summary": table, "rows": rows}, indent=1), encoding="utf-8")
    for case, numbers in table.items():
        print(f"{case}: {numbers['accepted']:.0%} of {numbers['pairs']} accepted, {numbers['reasons']}")


if __name__ == "__main__":
    main()
