"""Which GPUs a run sees, and GPU001: whether the driver answers and shows a device."""

from __future__ import annotations

from collections.abc import Iterator

from ...facts.fact import Absent
from ...facts.sheet import Gpu, Gpus
from ...language import _
from ...light_dataclasses import replace
from ..finding import Verdict, fail, skip
from ..rule import Context, given

_MUTE = "Failed to initialize NVML"
"""How nvidia-smi begins when the driver is loaded and cannot be talked to."""


def gpu_is_visible(context: Context) -> Iterator[Verdict]:
    """GPU001."""
    if not context.profile.needs_gpu:
        yield skip(_("profile {profile} needs none", profile=context.profile.name))
        return
    fact = context.sheet.gpus
    if isinstance(fact, Absent):
        yield _no_gpu(fact.reason, "", fact.source, context)
        return
    found, source = given(fact), fact.source
    if found.via == "kernel files" and _MUTE in found.note:
        yield _mute_driver(found, source)
        return
    if visible_gpus(found):
        return
    if found.devices:
        hidden = ",".join(found.visible or ())
        yield fail(
            _("CUDA_VISIBLE_DEVICES={hidden!r} names none of {devices}", hidden=hidden, devices=_named(found.devices)),
            title=_("every GPU is hidden"),
            evidence="CUDA_VISIBLE_DEVICES",
            cure=_("unset CUDA_VISIBLE_DEVICES, or set it to a device's number: export CUDA_VISIBLE_DEVICES=0"),
        )
    elif found.driver:
        reason = _("driver {driver} is loaded but shows no device", driver=found.driver)
        yield _no_gpu(reason, _("In a container, start it with `--gpus all`."), source, context)
    else:
        yield _no_gpu(found.note or _("no NVIDIA driver is loaded"), "", source, context)


def _mute_driver(found: Gpus, source: str) -> Verdict:
    """The kernel has the driver, and its library cannot talk to it: nothing on CUDA works."""
    cure = (
        _("Restart the machine: the driver's packages were upgraded under the module that the kernel has loaded.")
        if "mismatch" in found.note
        else _("Restart the container: it lost its access to the GPU. Outside of one, restart the machine.")
    )
    return fail(
        _("{note}; the kernel has driver {driver}", note=found.note, driver=found.driver or _("of unknown version")),
        title=_("the NVIDIA driver does not answer"),
        evidence=source,
        cure=cure,
    )


def _no_gpu(reason: str, first: str, source: str, context: Context) -> Verdict:
    cure = _(
        "Install NVIDIA's driver and look with `nvidia-smi`; inside a container the host needs the NVIDIA container "
        "toolkit and `--gpus all`. Without a GPU: `--profile cpu`."
    )
    return fail(
        _("{reason}; profile {profile} trains on one", reason=reason, profile=context.profile.name),
        title=_("no NVIDIA GPU is visible"),
        evidence=source,
        cure=f"{first} {cure}" if first else cure,
    )


def _named(devices: tuple[Gpu, ...]) -> str:
    return ", ".join(f"{gpu.index} ({gpu.name})" for gpu in devices)


def visible_gpus(found: Gpus) -> tuple[Gpu, ...]:
    """The devices that CUDA_VISIBLE_DEVICES leaves: CUDA takes the list up to its first entry that names no device.

    Of a MIG instance, of which a process sees one, nvidia-smi's list does not tell the memory: it is not known.
    """
    if found.visible is None:
        return found.devices
    kept: list[Gpu] = []
    for entry in found.visible:
        device = next((gpu for gpu in found.devices if _is_named(gpu, entry)), None)
        if device is None:
            break
        if entry.startswith("MIG-"):
            return (replace(device, memory_total=None, memory_used=None, processes=()),)
        kept.append(device)
    return tuple(kept)


def _is_named(gpu: Gpu, entry: str) -> bool:
    """By number, by the beginning of a UUID, or by a MIG instance (before driver 470: MIG-<the card's UUID>/1/0)."""
    if entry.startswith("MIG-"):
        return not entry.startswith("MIG-GPU-") or gpu.uuid == entry[4:].partition("/")[0]
    return str(gpu.index) == entry or (entry.startswith("GPU-") and gpu.uuid.startswith(entry))
