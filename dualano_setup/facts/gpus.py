"""NVIDIA driver and devices: NVML, else nvidia-smi, else the kernel's own files. A hang is Unknown, never "no GPU"."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from . import command, kernel_gpus
from .fact import Fact, Known, Unknown
from .nvidia_smi import ask_nvidia_smi
from .sheet import Gpu, GpuProcess, Gpus

if TYPE_CHECKING:
    from ..settings import Settings

DEADLINE = 10.0
_WSL_FOLDER = "usr/lib/wsl/lib"
_NVML_CHILD = Path(__file__).with_name("nvml_child.py")


def probe(
    settings: Settings,
    *,
    root: Path = Path("/"),
    variables: Mapping[str, str] | None = None,
    deadline: float = DEADLINE,
) -> Fact[Gpus]:
    """Look for NVIDIA GPUs. `root` is where /proc, /sys, /dev and the WSL folder are looked for.

    Without any sign of a driver nothing is started, which makes the answer "none" immediate. With a sign, the driver
    is asked by a child process, because a call into a driver that hangs cannot be ended: the child can be left behind.
    """
    variables = os.environ if variables is None else variables
    end = time.monotonic() + deadline
    kernel = kernel_gpus.read(root)
    visible = _visible(variables)
    tool = find_tool(root, variables)
    if not (kernel.driver or kernel.loaded or tool):
        note = f"a GPU without its driver: {', '.join(kernel.bare)}" if kernel.bare else ""
        return Known(Gpus(None, None, (), visible, "kernel files", note), str(root / "sys/bus/pci/devices"))
    notes: list[str] = []
    if kernel.driver or kernel.loaded:
        found = _ask_nvml(variables, end)
        if isinstance(found, Gpus):
            return Known(_with_visible(found, visible), "NVML")
        notes.append(found.reason)
        if found.timed_out:
            return Unknown(f"the NVIDIA driver gave {found.reason}{kernel.in_words()}", "NVML")
    if tool:
        answer = ask_nvidia_smi(tool, end, variables)
        if isinstance(answer, Gpus):
            return Known(_with_visible(answer, visible, notes), tool)
        notes.append(answer.error)
        if answer.timed_out:
            return Unknown(f"nvidia-smi gave {answer.error}{kernel.in_words()}", tool)
    if kernel.driver or kernel.devices or not tool:
        known = Gpus(kernel.driver, None, kernel.devices, visible, "kernel files", "; ".join(notes))
        return Known(known, str(root / "proc/driver/nvidia"))
    return Known(Gpus(None, None, (), visible, "nvidia-smi", "; ".join(notes)), tool)


class _Failed:
    """Why NVML did not tell."""

    def __init__(self, reason: str, timed_out: bool = False) -> None:
        self.reason = reason
        self.timed_out = timed_out


def _ask_nvml(variables: Mapping[str, str], end: float) -> Gpus | _Failed:
    """NVML by way of a child process with the `pynvml` module, which alone costs 19 ms to import."""
    specification = find_spec("pynvml")
    if specification is None or specification.origin is None:
        return _Failed("NVML not asked: nvidia-ml-py is not installed")
    line = [sys.executable, "-I", "-S", str(_NVML_CHILD), os.path.dirname(specification.origin)]
    outcome = command.run(line, deadline=max(0.1, end - time.monotonic()), variables=variables)
    if outcome.timed_out:
        return _Failed(outcome.error, timed_out=True)
    try:
        document = json.loads(outcome.output)
        return _from_document(document) if "devices" in document else _Failed(f"NVML: {document['error']}")
    except (ValueError, KeyError, TypeError):
        last = outcome.error.strip().splitlines()[-1:] or ["no words"]
        return _Failed(f"NVML ended with status {outcome.status}: {last[0]}")


def _from_document(document: dict[str, object]) -> Gpus:
    rows = document["devices"]
    assert isinstance(rows, list)
    devices = tuple(
        Gpu(
            index=row["index"],
            name=row["name"],
            memory_total=row["memory_total"],
            memory_used=row["memory_used"],
            compute_capability=tuple(row["compute_capability"]) if row["compute_capability"] else None,
            uuid=row["uuid"],
            processes=tuple(GpuProcess(p["pid"], p["name"], p["memory"]) for p in row["processes"]),
        )
        for row in rows
    )
    number = document["cuda"]
    cuda = f"{number // 1000}.{number % 1000 // 10}" if isinstance(number, int) and number else None
    driver = document["driver"]
    return Gpus(str(driver) if driver else None, cuda, devices, None, "nvml")


def _with_visible(gpus: Gpus, visible: tuple[str, ...] | None, notes: list[str] | None = None) -> Gpus:
    note = "; ".join(filter(None, [*(notes or []), gpus.note]))
    return Gpus(gpus.driver, gpus.cuda, gpus.devices, visible, gpus.via, note)


def _visible(variables: Mapping[str, str]) -> tuple[str, ...] | None:
    """CUDA_VISIBLE_DEVICES split; () when it is set and empty, which hides every device."""
    text = variables.get("CUDA_VISIBLE_DEVICES")
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def find_tool(root: Path, variables: Mapping[str, str]) -> str | None:
    """nvidia-smi on PATH, else where WSL keeps it (that folder is often not on PATH)."""
    for folder in (*variables.get("PATH", os.defpath).split(os.pathsep), str(root / _WSL_FOLDER)):
        path = os.path.join(folder, "nvidia-smi")
        if folder and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None
