"""NVIDIA driver and devices: nvidia-smi, else the kernel's own files. A hang is Unknown, never "no GPU"."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...language import N_, _
from ...light_dataclasses import replace
from ...system.files import first_executable
from ..fact import Fact, Known, Unknown
from ..sheet import Gpus
from . import kernel_gpus
from .nvidia_smi import ask_nvidia_smi

if TYPE_CHECKING:
    from ...settings.options import Settings

DEADLINE = 10.0
_WSL_FOLDER = "usr/lib/wsl/lib"


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
        note = _("a GPU without its driver: {bare}", bare=", ".join(kernel.bare)) if kernel.bare else ""
        return Known(Gpus(None, None, (), visible, N_("kernel files"), note), str(root / "sys/bus/pci/devices"))
    if tool is None:
        note = _("nvidia-smi is not here to tell more")
        found = Gpus(kernel.driver, None, kernel.devices, visible, N_("kernel files"), note)
        return Known(found, str(root / "proc/driver/nvidia"))
    answer = ask_nvidia_smi(tool, end, variables)
    if isinstance(answer, Gpus):
        return Known(replace(answer, visible=visible), tool)
    if answer.timed_out:
        return Unknown(_("nvidia-smi gave {error}{kernel}", error=answer.error, kernel=kernel.in_words()), tool)
    via = N_("kernel files") if kernel.driver or kernel.devices else "nvidia-smi"
    return Known(Gpus(kernel.driver, None, kernel.devices, visible, via, answer.error), tool)


def _visible(variables: Mapping[str, str]) -> tuple[str, ...] | None:
    """CUDA_VISIBLE_DEVICES split; () when it is set and empty, which hides every device."""
    text = variables.get("CUDA_VISIBLE_DEVICES")
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def find_tool(root: Path, variables: Mapping[str, str]) -> str | None:
    """nvidia-smi on PATH, else where WSL keeps it (that folder is often not on PATH)."""
    folders = (*variables.get("PATH", os.defpath).split(os.pathsep), str(root / _WSL_FOLDER))
    return first_executable(os.path.join(folder, "nvidia-smi") for folder in folders if folder)
