"""Names in a safetensors header or an index of shards, changed without touching a tensor; and of files converted.

A safetensors file is a length, JSON, then the tensors' bytes (its README).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from ...facts.project.weights_file import MAX_HEADER
from ...system.files import read_part

Header = dict[str, dict[str, object]]
Value = TypeVar("Value")
_INNER = ("encoder.", "embeddings.", "final_layer_norm.")
"""How the tensors of CLIP's text model begin inside it (CLIPTextTransformer of transformers 4.44.2)."""


def split_header(file: Path) -> tuple[int, Header]:
    """(bytes before the tensors, the header). Raises OSError or ValueError where it is no safetensors file."""
    length = int.from_bytes(read_part(file, 8), "little")
    if not 0 < length <= MAX_HEADER:
        raise ValueError(f"{file}: a header of {length} bytes")
    header = json.loads(read_part(file, length, 8))
    if not isinstance(header, dict):
        raise ValueError(f"{file}: its header is no object")
    return 8 + length, header


def renamed_header(header: Header, prefix: str) -> bytes:
    """The header's bytes with `prefix` before the names of the text model's tensors; offsets and order stay.

    Padded with spaces to a multiple of 8 bytes, as the format wants its tensors aligned.
    """
    text = json.dumps(_renamed(header, prefix), separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def renamed_index(data: bytes, prefix: str) -> bytes:
    """An index of shards (`weight_map`: tensor's name to file) with those names as `renamed_header` has them.

    Raises ValueError where it is no such index.
    """
    index = json.loads(data)
    if not isinstance(index, dict) or not isinstance(index.get("weight_map"), dict):
        raise ValueError("no `weight_map`")
    index["weight_map"] = _renamed(index["weight_map"], prefix)
    return (json.dumps(index, indent=2, ensure_ascii=False) + "\n").encode()


def safetensors_name(pickled: str) -> str:
    """What the safetensors of a pickled file, a shard or an index of shards is called; folders before it stay.

    transformers names its two formats differently (`pytorch_model.bin`, `model.safetensors`); diffusers only changes
    the suffix.
    """
    folder, slash, name = pickled.rpartition("/")
    name = re.sub(r"^pytorch_model(?=[.-])", "model", name)
    return folder + slash + re.sub(r"\.bin(?=(?:\.index\.json)?$)", ".safetensors", name)


def _renamed(names: Mapping[str, Value], prefix: str) -> dict[str, Value]:
    return {f"{prefix}{name}" if name.startswith(_INNER) else name: row for name, row in names.items()}
