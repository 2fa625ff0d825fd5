"""The names in a safetensors header, changed without touching a tensor: a length, JSON, then the bytes (its README)."""

from __future__ import annotations

import json
from pathlib import Path

from ...facts.project.weights_file import MAX_HEADER
from ...system.files import read_part

Header = dict[str, dict[str, object]]
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
    renamed = {f"{prefix}{name}" if name.startswith(_INNER) else name: row for name, row in header.items()}
    text = json.dumps(renamed, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text
