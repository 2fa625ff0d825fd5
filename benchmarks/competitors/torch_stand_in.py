"""torch as far as diagnostic tools ask for it, laid over a world's `torch/__init__.py`.

The worlds' torch is a folder of version files. What the real one would answer about the GPU follows from its own
build and from the world's driver: a CUDA build sees the visible GPUs of a driver that is new enough for it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import types
from pathlib import Path

from . import version

__version__ = version.__version__

# What torch's own wheels of that CUDA have kernels for.
_OLD = ["sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_90"]
_ARCHITECTURES = {
    "12.8": [*_OLD[3:], "sm_100", "sm_120"],
    "12.9": [*_OLD[2:], "sm_100", "sm_120"],
    "13.0": [*_OLD[3:], "sm_100", "sm_110", "sm_120"],
}


def _machine() -> dict:
    tool = shutil.which("nvidia-smi")
    facts = Path(tool).with_name("gpus.json") if tool else None
    return json.loads(facts.read_text()) if facts and facts.is_file() else {}


def _devices() -> list[dict]:
    machine = _machine()
    if not version.cuda or not machine.get("gpus") or machine.get("says"):
        return []
    if int(machine["cuda"].split(".")[0]) < int(version.cuda.split(".")[0]):
        return []
    kept = []
    for entry in os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(str(g["index"]) for g in machine["gpus"])).split(","):
        named = [g for g in machine["gpus"] if entry in (str(g["index"]), g["uuid"])]
        if not named:
            break
        kept += named
    return kept


def _capability(index: int = 0) -> tuple[int, ...]:
    return tuple(int(part) for part in _devices()[index or 0]["compute_cap"].split("."))


cuda = types.SimpleNamespace(
    is_available=lambda: bool(_devices()),
    device_count=lambda: len(_devices()),
    init=lambda: None,
    get_device_name=lambda index=0: _devices()[index or 0]["name"],
    get_device_capability=_capability,
    get_arch_list=lambda: _ARCHITECTURES.get(version.cuda, _OLD) if version.cuda else [],
    current_device=lambda: 0,
)
xpu = types.SimpleNamespace(is_available=lambda: False, device_count=lambda: 0)
backends = types.ModuleType("torch.backends")
backends.cudnn = types.SimpleNamespace(version=lambda: 8700, is_available=lambda: True)
backends.xnnpack = types.ModuleType("torch.backends.xnnpack")
backends.xnnpack.enabled = True
sys.modules |= {"torch.backends": backends, "torch.backends.xnnpack": backends.xnnpack}
utils = types.SimpleNamespace()
_C = types.SimpleNamespace(_show_config=lambda: "")
