"""A miniature base model in the folder layout of Stable Diffusion 1.5, with random weights.

The configurations are written out here rather than saved by the installed libraries, so that the folder is
the same whatever version made it, and loads from diffusers 0.18 and transformers 4.30 on.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

TEXT_WIDTH = 32
#: Words that get a token of their own, as common words do in the real vocabulary.
WORDS = ("a", "vfx", "with", "sks", "srw", "photo", "of")
SPECIAL = ("<|startoftext|>", "<|endoftext|>")

MODEL_INDEX: dict[str, Any] = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.18.1",
    "feature_extractor": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "PNDMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}

UNET: dict[str, Any] = {
    "_class_name": "UNet2DConditionModel",
    "_diffusers_version": "0.18.1",
    "act_fn": "silu",
    # Stable Diffusion 1.x calls the number of heads so.
    "attention_head_dim": 4,
    "block_out_channels": [32, 64, 64, 64],
    "center_input_sample": False,
    "cross_attention_dim": TEXT_WIDTH,
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "downsample_padding": 1,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "in_channels": 4,
    "layers_per_block": 2,
    "mid_block_scale_factor": 1,
    "norm_eps": 1e-05,
    "norm_num_groups": 16,
    "out_channels": 4,
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
}

VAE: dict[str, Any] = {
    "_class_name": "AutoencoderKL",
    "_diffusers_version": "0.18.1",
    "act_fn": "silu",
    # Four levels, as in the real one: latents are an eighth of the image.
    "block_out_channels": [8, 16, 16, 16],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "in_channels": 3,
    "latent_channels": 4,
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "out_channels": 3,
    "scaling_factor": 0.18215,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
}

SCHEDULER: dict[str, Any] = {
    "_class_name": "PNDMScheduler",
    "_diffusers_version": "0.6.0",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
}


def write_model(folder: Path, *, size: int, seed: int) -> None:
    """Write the model for images of `size` x `size` pixels (a multiple of 64) into an existing folder."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    vocabulary, merges = make_vocabulary()
    text = text_config(len(vocabulary))
    unet, vae = UNET | {"sample_size": size // 8}, VAE | {"sample_size": size}
    write_json(folder / "model_index.json", MODEL_INDEX)
    write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULER)
    write_tokenizer(folder / "tokenizer", vocabulary, merges)
    write_json(folder / "unet" / "config.json", unet)
    write_json(folder / "vae" / "config.json", vae)
    write_json(folder / "text_encoder" / "config.json", text)
    networks = (
        ("unet", "diffusion_pytorch_model", UNet2DConditionModel.from_config(unet)),
        ("vae", "diffusion_pytorch_model", AutoencoderKL.from_config(vae)),
        ("text_encoder", "model", CLIPTextModel(CLIPTextConfig(**text))),
    )
    for name, file, network in networks:
        shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
        if name == "text_encoder":
            shapes = _file_names(shapes)
        weights = {key: _draw(key, shape, seed) for key, shape in shapes.items()}
        save_file(weights, folder / name / f"{file}.safetensors", metadata={"format": "pt"})


def text_config(vocabulary_size: int, width: int = TEXT_WIDTH) -> dict[str, Any]:
    """The text encoder's configuration."""
    return {
        "architectures": ["CLIPTextModel"],
        "attention_dropout": 0.0,
        "bos_token_id": vocabulary_size - 2,
        "eos_token_id": vocabulary_size - 1,
        "hidden_act": "quick_gelu",
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "layer_norm_eps": 1e-05,
        "max_position_embeddings": 77,
        "model_type": "clip_text_model",
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "pad_token_id": 1,
        "projection_dim": width,
        "torch_dtype": "float32",
        "vocab_size": vocabulary_size,
    }


def make_vocabulary(words: Sequence[str] = WORDS) -> tuple[dict[str, int], list[str]]:
    """A byte-level BPE vocabulary of CLIP's kind: token numbers, and the merges in their order.

    As in CLIP: one symbol a byte, the same at a word's end, the merged symbols, the two special tokens.
    """
    alphabet = _byte_symbols()
    merges: list[str] = []
    for word in words:
        symbols = [*word[:-1], f"{word[-1]}</w>"]
        while len(symbols) > 1:
            merge = f"{symbols[0]} {symbols[1]}"
            symbols[:2] = [symbols[0] + symbols[1]]
            if merge not in merges:
                merges.append(merge)
    merged = [merge.replace(" ", "") for merge in merges]
    tokens = [*alphabet, *(f"{symbol}</w>" for symbol in alphabet), *merged, *SPECIAL]
    return {token: number for number, token in enumerate(tokens)}, merges


def _byte_symbols() -> list[str]:
    """The printable character that stands for each byte in byte-level BPE, printable bytes first."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(byte) for byte in printable] + [chr(0x100 + extra) for extra in range(256 - len(printable))]


def write_tokenizer(folder: Path, vocabulary: dict[str, int], merges: list[str]) -> None:
    """The four files of a CLIP tokenizer."""
    start, end = SPECIAL
    special = {"bos_token": start, "eos_token": end, "pad_token": end, "unk_token": end}
    write_json(folder / "vocab.json", vocabulary)
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    write_json(folder / "special_tokens_map.json", special)
    write_json(
        folder / "tokenizer_config.json",
        {"errors": "replace", "model_max_length": 77, "tokenizer_class": "CLIPTokenizer", **special},
    )


def _file_names(shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The text encoder's tensors under the names that files have used since transformers 4.30."""
    named = ((key if key.startswith("text_model.") else f"text_model.{key}", shape) for key, shape in shapes.items())
    return {key: shape for key, shape in named if not key.endswith("position_ids")}


def _draw(name: str, shape: tuple[int, ...], seed: int) -> npt.NDArray[np.float32]:
    """A tensor from its own random numbers: norms as identity, biases zero, matrices keeping the variance."""
    if len(shape) == 1:
        is_scale = name.endswith("weight")
        return np.full(shape, float(is_scale), np.float32)
    generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
    fan_in = int(np.prod(shape[1:])) if "embedding" not in name or "time_embedding" in name else 1
    return (generator.standard_normal(shape) / np.sqrt(fan_in)).astype(np.float32)


def write_json(path: Path, content: object) -> None:
    """Write a JSON file, its folder too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
