"""Run as a program by `gpus`: asks NVML and writes one JSON document to stdout. Takes pynvml's folder as argument.

A process of its own, since a call into a hanging driver can neither be interrupted nor outlived by a thread, and a
crash in the driver's library must not be ours.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any


def main() -> int:
    """Write {"driver", "cuda", "devices"}, or {"error"} with NVML's own words; always status 0."""
    sys.path.insert(0, sys.argv[1])
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        json.dump({"error": str(error)}, sys.stdout)
        return 0
    json.dump(
        {
            "driver": _text(_try(pynvml, pynvml.nvmlSystemGetDriverVersion)),
            "cuda": _try(pynvml, pynvml.nvmlSystemGetCudaDriverVersion_v2),
            "devices": [_device(pynvml, index) for index in range(_try(pynvml, pynvml.nvmlDeviceGetCount) or 0)],
        },
        sys.stdout,
    )
    return 0


def _device(pynvml: Any, index: int) -> dict[str, Any]:
    handle = _try(pynvml, pynvml.nvmlDeviceGetHandleByIndex, index)
    memory = _try(pynvml, pynvml.nvmlDeviceGetMemoryInfo, handle)
    running = _try(pynvml, pynvml.nvmlDeviceGetComputeRunningProcesses, handle) or []
    return {
        "index": index,
        "name": _text(_try(pynvml, pynvml.nvmlDeviceGetName, handle)) or "NVIDIA GPU",
        "uuid": _text(_try(pynvml, pynvml.nvmlDeviceGetUUID, handle)) or "",
        "memory_total": memory.total if memory else None,
        "memory_used": memory.used if memory else None,
        "compute_capability": _try(pynvml, pynvml.nvmlDeviceGetCudaComputeCapability, handle),
        "processes": [
            {
                "pid": process.pid,
                "name": _text(_try(pynvml, pynvml.nvmlSystemGetProcessName, process.pid)) or "",
                "memory": process.usedGpuMemory,
            }
            for process in running
        ],
    }


def _try(pynvml: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's value, None where this device or driver does not support it."""
    try:
        return function(*arguments)
    except pynvml.NVMLError:
        return None


def _text(value: str | bytes | None) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


if __name__ == "__main__":
    raise SystemExit(main())
