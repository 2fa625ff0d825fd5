"""What binary packages were built for: torch, torchvision, torchaudio and xformers, by their own version files.

The metadata does not tell: torch from PyPI is `2.2.0` there and `2.2.0+cu121` in torch/version.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from ...system.files import SMALL, names_at, read_part, text_at
from ..sheet import BinaryBuild, Distribution, XformersBuild
from .elf import needed_libraries

_VALUE = re.compile(r"^(__version__|cuda|hip)\s*(?::[^=\n]+)?=\s*(?:'([^'\n]*)'|\"([^\"\n]*)\"|None)", re.MULTILINE)
_LOCAL_CUDA = re.compile(r"\+cu(\d{2,3})\b")
_ABI_TAG = re.compile(r"-(?:abi3|none)-")


def read_build(site_packages: Sequence[str], package: str) -> BinaryBuild | None:
    """The build record of `package` ("torch", "torchvision", "torchaudio"), None when there is none to read."""
    for folder in site_packages:
        file = os.path.join(folder, package, "version.py")
        values = {match[1]: match[2] or match[3] for match in _VALUE.finditer(text_at(file))}
        version = values.get("__version__")
        if version:
            cuda = values.get("cuda") or _cuda_of_local(version) or _cuda_of_library(folder, package, version)
            return BinaryBuild(version, cuda, values.get("hip"), file)
    return None


def read_xformers(site_packages: Sequence[str], distribution: Distribution | None) -> XformersBuild | None:
    """xformers' build record and what its library needs at load time; None when xformers is not there."""
    for folder in site_packages:
        package = os.path.join(folder, "xformers")
        file = os.path.join(package, "cpp_lib.json")
        try:
            data = read_part(file, SMALL)
        except (OSError, ValueError):
            continue
        return _xformers(package, file, data, distribution)
    return None


def _xformers(package: str, file: str, data: bytes, distribution: Distribution | None) -> XformersBuild:
    import json

    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = {}
    record = document.get("version") if isinstance(document, dict) else None
    record = record if isinstance(record, dict) else {}
    environment = document.get("env") if isinstance(document, dict) else None
    listed = environment.get("TORCH_CUDA_ARCH_LIST") if isinstance(environment, dict) else None
    number = record.get("cuda")
    tags = distribution.wheel_tags if distribution else ()
    return XformersBuild(
        version=distribution.version if distribution else "",
        torch=_text(record.get("torch")),
        cuda=f"{number // 100}.{number % 100}" if isinstance(number, int) else None,
        python=_text(record.get("python")),
        architectures=tuple(listed.replace(";", " ").split()) if isinstance(listed, str) else (),
        cudart=_cudart(package),
        stable_abi=bool(tags) and all(_ABI_TAG.search(tag) for tag in tags),
        source=file,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _cuda_of_local(version: str) -> str | None:
    """ "11.8" from "0.17.0+cu118"; torchvision and torchaudio write no `cuda` of their own."""
    match = _LOCAL_CUDA.search(version)
    return f"{match[1][:-1]}.{match[1][-1]}" if match else None


def _cuda_of_library(folder: str, package: str, version: str) -> str | None:
    """The CUDA major that the package's library links, for a build that its version does not name (no local part)."""
    if "+" in version or package == "torch":
        return None
    cudart = _cudart(os.path.join(folder, package))
    return cudart.rpartition(".so.")[2] if cudart else None


def _cudart(package: str) -> str | None:
    """libcudart as the package's own `_C*.so` names it, e.g. "libcudart.so.12"."""
    names = [n for n in names_at(package) if n.startswith(("_C", "_torchaudio")) and n.endswith(".so")]
    for name in names[:8]:
        try:
            libraries = needed_libraries(os.path.join(package, name))
        except (OSError, ValueError):
            continue
        for library in libraries:
            if library.startswith("libcudart"):
                return _plain_soname(library)
    return None


def _plain_soname(library: str) -> str:
    """Without the hash that repair tools put in: "libcudart-d0da41ae.so.11.0" is libcudart.so.11.0."""
    return re.sub(r"-[0-9a-f]{8}(?=\.so)", "", library)
