"""The miniature base model that was really trained: its networks' shapes, and its file, which holds all three parts.

The file has the tensors of `unet`, `vae` and `text_encoder` under their own names behind the part's name and a
point, in half precision, and the VAE's scaling factor as metadata.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

from .model import MODEL_INDEX, SCHEDULER, UNET, VAE, WORDS, make_vocabulary, text_config, write_json, write_tokenizer
from .world.captions import CAPTION_WORDS
from .world.scene import SIDE

Tensors = dict[str, npt.NDArray[Any]]

TEXT_WIDTH = 96
#: The method's own words have tokens too, but no caption of the base model's holds them.
BASE_WORDS = tuple(dict.fromkeys((*WORDS, *CAPTION_WORDS)))
BASE_UNET: dict[str, Any] = UNET | {
    "sample_size": SIDE // 8,
    "block_out_channels": [64, 64, 64, 64],
    "cross_attention_dim": TEXT_WIDTH,
}
BASE_VAE: dict[str, Any] = VAE | {"sample_size": SIDE, "block_out_channels": [32, 64, 64, 64], "norm_num_groups": 8}
#: Each part's file in diffusers' layout.
PARTS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}


#: The trained model's file; weights/CARD.md says how it was made.
TRAINED_BASE = Path(__file__).parent / "weights" / "base.safetensors"


def base_text_config() -> dict[str, Any]:
    """The text encoder's configuration."""
    return text_config(len(make_vocabulary(BASE_WORDS)[0]), TEXT_WIDTH)


def write_base_tokenizer(folder: Path) -> None:
    """The tokenizer's files."""
    write_tokenizer(folder, *make_vocabulary(BASE_WORDS))


def pack(parts: dict[str, Tensors], path: Path, metadata: dict[str, str]) -> None:
    """Write the parts' tensors as one file in half precision.

    Args:
        parts: by the names in `PARTS`.
        path: the file.
        metadata: texts to keep with it; `scaling_factor` is the VAE's.
    """
    named = {f"{part}.{name}": value for part, tensors in parts.items() for name, value in tensors.items()}
    halves = {name: np.ascontiguousarray(value, np.float16) for name, value in named.items()}
    save_file(halves, path, metadata={"format": "pt", **metadata})


def unpack(path: Path) -> tuple[dict[str, Tensors], dict[str, str]]:
    """The parts of a packed file as float32, and its metadata."""
    parts: dict[str, Tensors] = {part: {} for part in PARTS}
    with safe_open(path, framework="numpy") as file:
        for name in file.keys():  # noqa: SIM118 - the reader is no mapping
            part, _, own = name.partition(".")
            parts[part][own] = file.get_tensor(name).astype(np.float32)
        return parts, dict(file.metadata())


def write_base_model(packed: Path, folder: Path) -> None:
    """Write the trained model of a packed file into `folder` in diffusers' layout, in float32."""
    parts, metadata = unpack(packed)
    configurations = {
        "unet": BASE_UNET,
        "vae": BASE_VAE | {"scaling_factor": float(metadata["scaling_factor"])},
        "text_encoder": base_text_config(),
    }
    write_json(folder / "model_index.json", MODEL_INDEX)
    write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULER)
    write_base_tokenizer(folder / "tokenizer")
    for part, file in PARTS.items():
        write_json(folder / part / "config.json", configurations[part])
        save_file(parts[part], folder / part / f"{file}.safetensors", metadata={"format": "pt"})
