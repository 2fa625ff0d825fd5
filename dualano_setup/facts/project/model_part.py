"""One sub-folder of the base model: which files it has, which it lacks, and which are cut short."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ...language import _
from ...system.files import bytes_at, list_folder, plain_error, read_whole, size_of
from ..sheet import ModelPart
from .model_layout import VOCABULARY, layout_of
from .weights_file import check_weights, is_pointer

_WEIGHTS = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
    "safety_checker": "model",
    "image_encoder": "model",
}
"""Stem of a part's safetensors; a pickle of the transformers library is called `pytorch_model` instead."""
_CONFIGS = {
    "scheduler": ("scheduler_config.json",),
    "feature_extractor": ("preprocessor_config.json",),
    "tokenizer": (),
}
_SMALL_FILES = 64
_MAX_INDEX = 1 << 22


def read_part_folder(folder: Path, name: str, config: dict[str, object] | None, config_problem: str) -> ModelPart:
    """The part as a fact. Never raises: what could not be read is in `error`."""
    try:
        files = list_folder(folder).files
    except OSError as error:
        return ModelPart(name, True, config, error=plain_error(error))
    missing = [wanted for wanted in _CONFIGS.get(name, ("config.json",)) if wanted not in files]
    pointers = [file for file in files[:_SMALL_FILES] if _is_pointer(folder / file)]
    problems = [config_problem] if config_problem and not pointers else []
    truncated: list[str] = []
    weights: tuple[str, ...] = ()
    if name == "tokenizer":
        missing += [] if "tokenizer.json" in files else [wanted for wanted in VOCABULARY if wanted not in files]
        truncated += [file for file in VOCABULARY if file in files and size_of(folder / file) == 0]
    if name in _WEIGHTS:
        weights, lacking, hint = _choose_weights(folder, files, _WEIGHTS[name])
        missing += lacking
        problems += [hint] if hint else []
    for file in weights:
        state, seen = check_weights(folder / file)
        if state == "truncated":
            truncated.append(f"{file} ({seen})")
        elif state == "damaged":
            problems.append(f"{file}: {seen}")
    return ModelPart(
        name,
        True,
        config,
        weights,
        tuple(missing),
        tuple(truncated),
        tuple(pointers),
        "; ".join(problems),
        layout_of(name, folder, files, weights, config),
    )


def _choose_weights(folder: Path, files: tuple[str, ...], stem: str) -> tuple[tuple[str, ...], list[str], str]:
    """(files a run would load, those missing, a hint), preferring safetensors as diffusers and transformers do."""
    pickle = "pytorch_model" if stem == "model" else stem
    for base, ending in ((stem, "safetensors"), (pickle, "bin")):
        if f"{base}.{ending}" in files:
            return (f"{base}.{ending}",), [], ""
        index = f"{base}.{ending}.index.json"
        if index in files:
            shards, problem = _shards(folder / index)
            known = set(files)
            there = tuple(file for file in shards if file in known)
            return there, [file for file in shards if file not in known], problem
    variant = re.compile(rf"(?:{stem}|{pickle})\.([\w-]+)\.(?:safetensors|bin)")
    found = next((file for file in files if variant.fullmatch(file)), "")
    hint = _("only a variant is there ({found}), which a run does not look for", found=found) if found else ""
    return (), [f"{stem}.safetensors"], hint


def _shards(index: Path) -> tuple[tuple[str, ...], str]:
    """The files that a sharded weight's index names; names that lead out of the folder are refused."""
    try:
        named = json.loads(read_whole(index, _MAX_INDEX))["weight_map"].values()
        shards = tuple(sorted({str(name) for name in named}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return (), _("{index} cannot be read: {error}", index=index.name, error=plain_error(error))
    outside = [name for name in shards if "/" in name or name in ("", ".", "..")]
    return (
        ((), _("{index} names a file outside its folder ({outside!r})", index=index.name, outside=outside[0]))
        if outside
        else (shards, "")
    )


def _is_pointer(path: Path) -> bool:
    return (size_of(path) or 0) < 1024 and is_pointer(bytes_at(path))
