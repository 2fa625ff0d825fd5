"""What the kernel's own files tell of NVIDIA devices, without asking the driver anything."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ...language import _
from ...light_dataclasses import dataclass
from ...system.files import names_at, text_at
from ..sheet import Gpu

_VERSION = re.compile(r"(\d{3,}\.\d+(?:\.\d+)?)")
_NVIDIA = "0x10de"
_DISPLAY_CLASSES = ("0x0300", "0x0302")  # VGA and 3D controllers; a card's audio and USB functions are others


@dataclass(frozen=True, slots=True)
class KernelView:
    """`bare` are PCI addresses of NVIDIA GPUs; `loaded` means a driver, or WSL's door to one, is there."""

    driver: str | None
    loaded: bool
    devices: tuple[Gpu, ...]
    bare: tuple[str, ...]

    def in_words(self) -> str:
        """What to add to "no answer": the driver is there, and so are these devices."""
        if not (self.driver or self.devices):
            return ""
        names = ", ".join(device.name for device in self.devices) or _("no device by name")
        return _(
            "; the kernel has driver {driver} and {names}", driver=self.driver or _("of unknown version"), names=names
        )


def read(root: Path) -> KernelView:
    """Read /sys/module/nvidia, /proc/driver/nvidia, /sys/bus/pci and /dev below `root`. Never raises."""
    proc = root / "proc/driver/nvidia"
    driver = text_at(root / "sys/module/nvidia/version").strip() or None
    if driver is None and (match := _VERSION.search(text_at(proc / "version").partition("\n")[0])):
        driver = match[1]
    signs = (root / "sys/module/nvidia", proc, root / "dev/nvidiactl", root / "dev/dxg")
    return KernelView(driver, any(os.path.lexists(sign) for sign in signs), _devices(proc / "gpus"), _on_bus(root))


def _devices(folder: Path) -> tuple[Gpu, ...]:
    found: list[Gpu] = []
    for address in names_at(folder):
        values = {
            key.strip(): value.strip()
            for line in text_at(folder / address / "information").splitlines()
            for key, __, value in [line.partition(":")]
        }
        found.append(Gpu(len(found), values.get("Model") or "NVIDIA GPU", None, None, None, values.get("GPU UUID", "")))
    return tuple(found)


def _on_bus(root: Path) -> tuple[str, ...]:
    bus = root / "sys/bus/pci/devices"
    return tuple(
        address
        for address in names_at(bus)
        if text_at(bus / address / "vendor").strip() == _NVIDIA
        and text_at(bus / address / "class").strip().startswith(_DISPLAY_CLASSES)
    )
