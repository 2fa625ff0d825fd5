"""How a part was saved, where not every version of the libraries reads it: from names and headers alone."""

from __future__ import annotations

import json
from pathlib import Path

from ...system.files import read_part
from .weights_file import MAX_HEADER

STALE_INDEX = "stale-index"
"""An index of shards stands beside the whole file that was saved over them."""
NO_PREFIX = "no-text-model-prefix"
"""The text encoder's tensors have no outer `text_model.`: saved by transformers 5 from a model made in memory."""
ONE_FILE = "tokenizer-json-only"
"""The tokenizer was saved by transformers 5: without the vocabulary and merges that 4 reads."""
NO_LENGTH = "no-max-length"
"""`model_max_length` is missing, and both generations of transformers then take 10^30."""
VOCABULARY = ("vocab.json", "merges.txt")


def layout_of(
    name: str, folder: Path, files: tuple[str, ...], weights: tuple[str, ...], config: dict[str, object] | None
) -> tuple[str, ...]:
    """The peculiarities of one part. Never raises; what cannot be read has none."""
    found = []
    if len(weights) == 1 and f"{weights[0]}.index.json" in files:
        found.append(STALE_INDEX)
    if name == "text_encoder" and _lacks_prefix(folder, weights):
        found.append(NO_PREFIX)
    if name == "tokenizer":
        if "tokenizer.json" in files and any(file not in files for file in VOCABULARY):
            found.append(ONE_FILE)
        if config is not None and "model_max_length" not in config:
            found.append(NO_LENGTH)
    return tuple(found)


def _lacks_prefix(folder: Path, weights: tuple[str, ...]) -> bool:
    """Whether the text encoder's safetensors, one or several, name layers `encoder.` and not `text_model.encoder.`."""
    return any(_names_inner_layers(folder / file) for file in weights if file.endswith(".safetensors"))


def _names_inner_layers(file: Path) -> bool:
    try:
        length = int.from_bytes(read_part(file, 8), "little")
        names = json.loads(read_part(file, min(length, MAX_HEADER), 8))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(names, dict) and any(name.startswith(("encoder.", "embeddings.")) for name in names)
