"""Weight files: upstream's names in a flat dict, as safetensors or as upstream's pickled `.bin`.

Reading never runs code from the file; writing is atomic.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..errors import TrainerError
from ..files.atomic import write_atomically
from ..variant import Variant

SAFETENSORS_NAME = "pytorch_lora_weights.safetensors"
BIN_NAME = "pytorch_lora_weights.bin"
PREFIXES = ("unet.", "text_encoder.")
"""What LoRA names begin with; of names that begin otherwise diffusers 0.42.1 loads nothing, with a warning only."""
_RANK_KEY = re.compile(r"to_k_lora(\.0)?\.down\.weight$")


@dataclass(frozen=True, slots=True)
class AdapterWeights:
    """The tensors of a weight file and what their names and shapes tell.

    Attributes:
        tensors: float32, on the CPU, by upstream's names.
        variant: `bcm` when a background module is among them.
        rank: LoRA rank.
        text_encoder: whether the text encoder has LoRA.
    """

    tensors: dict[str, Tensor]
    variant: Variant
    rank: int
    text_encoder: bool


def read_weights(path: Path) -> AdapterWeights:
    """Read a weight file, or the one in a folder (safetensors first).

    Raises:
        TrainerError: not there, damaged, unsafe, or not weights of this method.
    """
    file = find_weights(path)
    tensors = _read_tensors(file)
    if bare := names_without_part(tensors):
        raise TrainerError(
            f"{file}: {len(bare)} of its {len(tensors)} names lack `unet.` or `text_encoder.` before them (the first: "
            f"`{bare[0]}`), so nothing says what they belong to, and diffusers would load none of them, with a warning "
            "only. Put `unet.` before the names of the UNet's, or take the file as the trainer wrote it."
        )
    ranks = [tensor.shape[0] for name, tensor in tensors.items() if _RANK_KEY.search(name)]
    if not ranks or not any(".temporal_i." in name for name in tensors):
        raise TrainerError(
            f"{file} holds {len(tensors)} tensors but not DualAnoDiff's (no to_k_lora or temporal_i); "
            "expected a file written by this trainer or by upstream's."
        )
    variant: Variant = "bcm" if any("temporal_a" in name for name in tensors) else "dual"
    has_text = any(name.startswith("text_encoder.") for name in tensors)
    return AdapterWeights({n: t.float() for n, t in tensors.items()}, variant, ranks[0], has_text)


def names_without_part(names: Iterable[str]) -> list[str]:
    """The LoRA names that say neither `unet.` nor `text_encoder.`, in order."""
    return [name for name in names if "lora" in name and not name.startswith(PREFIXES)]


def find_weights(path: Path) -> Path:
    """`path` itself if a file, else the weight file in the folder.

    Raises:
        TrainerError: there is none.
    """
    if path.is_file():
        return path
    for name in (SAFETENSORS_NAME, BIN_NAME):
        if (path / name).is_file():
            return path / name
    raise TrainerError(f"No weights at {path}: expected a file, or a folder with {SAFETENSORS_NAME} or {BIN_NAME}.")


def _read_tensors(file: Path) -> dict[str, Tensor]:
    """All tensors of a file, without running code from it."""
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        if not _loads_safely(torch.__version__):
            from .pickled import read_pickled

            return read_pickled(file)
        loaded = torch.load(file, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, EOFError, OSError, pickle.UnpicklingError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise TrainerError(
            f"Cannot read the weights {file}: {reason}. The file is cut off, damaged, or holds code instead "
            "of tensors. Take another checkpoint."
        ) from error
    if not isinstance(loaded, Mapping) or not all(isinstance(v, Tensor) for v in loaded.values()):
        raise TrainerError(f"{file} does not hold a flat dict of tensors, which a weight file is.")
    return dict(loaded)


def _loads_safely(version: str) -> bool:
    """Whether that torch's `weights_only=True` keeps what it promises: from 2.6 on (CVE-2025-32434)."""
    major, minor = version.split(".")[:2]
    return (int(major), int(minor)) >= (2, 6)


def write_weights(folder: Path, tensors: Mapping[str, Tensor], *, as_bin: bool = False) -> Path:
    """Write `tensors` into `folder` under the conventional name; `as_bin` in upstream's format."""
    metadata = {"format": "pt"}
    if as_bin:
        return write_atomically(folder / BIN_NAME, lambda path: torch.save(dict(tensors), path))
    return write_atomically(folder / SAFETENSORS_NAME, lambda path: save_file(dict(tensors), path, metadata=metadata))


def write_final_weights(folder: Path, tensors: Mapping[str, Tensor], output_format: str) -> list[Path]:
    """Write weights in the formats wanted (`safetensors`, `bin` or `both`), and remove older ones in the other."""
    formats = {"safetensors": (False,), "bin": (True,), "both": (False, True)}[output_format]
    written = [write_weights(folder, tensors, as_bin=as_bin) for as_bin in formats]
    # Weights of an earlier run in the other format would be taken for these.
    for stale in {folder / name for name in (SAFETENSORS_NAME, BIN_NAME)} - set(written):
        stale.unlink(missing_ok=True)
    return written
