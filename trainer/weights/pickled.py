"""Reads pickled weights without letting the pickle run anything.

`torch.load(weights_only=True)` can be made to run code before torch 2.6 (CVE-2025-32434). This reader never calls
torch's: it walks the pickle with an allow-list of three names, each replaced by a function of its own, and takes the
numbers from the archive's data entries.
"""

from __future__ import annotations

import collections
import io
import math
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import TrainerError

#: Storage classes of torch's zip format and the dtypes of their elements.
STORAGES = {
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


_MAX_PICKLE = 64 << 20  # the pickle holds names and shapes; Stable Diffusion's are below 1 MB
_MAX_SHARED = 4  # tied weights are written once; a whole copy for each name is a bomb, too
_MAX_RATIO = 1.05  # torch stores its data uncompressed, so an entry that grows is a bomb


class _Reader(pickle.Unpickler):
    """An unpickler that knows tensors, their storages and ordered dictionaries, and nothing else."""

    def __init__(self, archive: zipfile.ZipFile, root: str, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self._archive, self._root = archive, root
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        """The allow-list. Raises UnpicklingError for every other name, before anything of it is imported."""
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(f"it names {module}.{name}, which no weights need")

    def persistent_load(self, pid: Any) -> Tensor:
        """The storage `("storage", dtype, key, device, count)` as a flat tensor."""
        kind, dtype, key, _device, count = pid
        if kind != "storage" or not isinstance(dtype, torch.dtype) or not str(key).isalnum():
            raise pickle.UnpicklingError(f"it refers to {kind!r}, not to a storage")
        if key not in self._storages:
            data = self._archive.read(f"{self._root}data/{key}")
            if len(data) != count * dtype.itemsize:
                raise pickle.UnpicklingError(f"storage {key} holds {len(data)} bytes, not {count * dtype.itemsize}")
            empty = torch.empty(0, dtype=dtype)
            self._storages[key] = torch.frombuffer(bytearray(data), dtype=dtype) if data else empty
        return self._storages[key]


def _rebuild(storage: Tensor, offset: int, size: Sequence[int], stride: Sequence[int], *_: object) -> Tensor:
    """A view of a storage; torch refuses one that would reach past its end.

    A view that repeats what the storage holds, refused here, would become gigabytes when it is written out.
    """
    if math.prod(size) > storage.numel():
        raise pickle.UnpicklingError(f"a tensor of shape {list(size)[:8]} in a storage of {storage.numel()} numbers")
    return torch.as_strided(storage, tuple(size), tuple(stride), offset)


def read_pickled(path: Path) -> dict[str, Tensor]:
    """The tensors of a weights file in torch's zip format, by name.

    Raises:
        TrainerError: the file is in another format, damaged, or refers to anything but tensors.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise TrainerError(f"{path} is not a regular file.")
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.file_size > _MAX_RATIO * entry.compress_size + 4096:
                    raise TrainerError(f"{path}: {entry.filename} unfolds to far more than the file holds; refused.")
            name = next((n for n in archive.namelist() if n.endswith("data.pkl")), None)
            if name is None or archive.getinfo(name).file_size > _MAX_PICKLE:
                raise TrainerError(f"{path} is an archive, but not of torch's weights.")
            root = name.removesuffix("data.pkl")
            if f"{root}byteorder" in archive.namelist() and archive.read(f"{root}byteorder") != b"little":
                raise TrainerError(f"{path} was written on a big-endian machine, which this reader does not know.")
            loaded = _Reader(archive, root, io.BytesIO(archive.read(name))).load()
    except zipfile.BadZipFile as error:
        raise TrainerError(
            f"{path} is not in torch's zip format ({error}); it may be cut short, or older than torch 1.6. "
            "Download the safetensors file of the same model."
        ) from error
    except TrainerError:
        raise
    except OSError as error:
        raise TrainerError(f"{path} cannot be read: {error.strerror}.") from error
    except Exception as error:  # a hostile pickle can fail in any way; none of them may run its code
        raise TrainerError(f"{path} was not converted: {error}.") from error
    state = loaded.get("state_dict", loaded) if isinstance(loaded, Mapping) else None
    if state is None or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()):
        raise TrainerError(f"{path} holds something else than a flat mapping of names to tensors.")
    if sum(tensor.numel() * tensor.element_size() for tensor in state.values()) > _MAX_SHARED * path.stat().st_size:
        raise TrainerError(f"{path}: its tensors share their numbers, and are {_MAX_SHARED} times the file; refused.")
    return {name: tensor.contiguous().clone() for name, tensor in state.items()}
