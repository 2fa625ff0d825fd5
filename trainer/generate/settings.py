"""What to generate: the flags of `python -m trainer.generate` as one typed record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: Pairs without --num_images and --accepted; pairs for each one wanted without --limit.
NUM_IMAGES, LIMIT = 500, 10


@dataclass(frozen=True, slots=True)
class GenerationSettings:
    """What to generate, by the names of the flags; `--help` explains each."""

    pretrained_model_name_or_path: str
    weights: Path
    output_dir: Path
    num_images: int | None = None
    accepted: int | None = None
    limit: int | None = None
    batch_size: int = 4
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    scheduler: str | None = None
    condition_dir: Path | None = None
    good_dir: Path | None = None
    images_per_background: int = 50
    prompt_blend: str = "a vfx with sks"
    prompt_fg: str = "sks"
    resolution: int | None = None
    seed: int = 0
    mixed_precision: str = "no"
    revision: str | None = None
    allow_tf32: bool = False
    instance_data_dir: Path | None = None
    mask_dir: Path | None = None
    masks: bool = True
    gate: bool = True
    faithful: bool = False
    fast: bool = False
    device: str | None = None

    @property
    def most(self) -> int:
        """How many pairs are made at most, rejected ones included."""
        if self.accepted is None:
            return NUM_IMAGES if self.num_images is None else self.num_images
        return LIMIT * self.accepted if self.limit is None else self.limit
