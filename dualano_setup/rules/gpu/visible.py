"""GPU001: whether the driver answers and shows a device."""

from __future__ import annotations

from collections.abc import Iterator

from ...facts.fact import Absent, Known
from ...facts.sheet import Gpu, Gpus
from ...language import _
from ..finding import Finding
from ..rule import Context, fail
from ..seen import gpus, skip, visible_gpus

_MUTE = "Failed to initialize NVML"
"""How nvidia-smi begins when the driver is loaded and cannot be talked to."""


def gpu_is_visible(context: Context) -> Iterator[Finding]:
    """GPU001."""
    if not context.profile.needs_gpu:
        yield skip(
            "GPU001", _("An NVIDIA GPU is visible"), _("profile {profile} needs none", profile=context.profile.name)
        )
        return
    fact = context.sheet.gpus
    if isinstance(fact, Absent):
        yield _no_gpu(fact.reason, "", fact.source, context)
        return
    found = gpus(context)
    if found.via == "kernel files" and _MUTE in found.note:
        yield _mute_driver(found, fact.source if isinstance(fact, Known) else "")
        return
    if visible_gpus(found):
        return
    source = fact.source if isinstance(fact, Known) else ""
    if found.devices:
        hidden = ",".join(found.visible or ())
        yield fail(
            "GPU001",
            _("every GPU is hidden"),
            _("CUDA_VISIBLE_DEVICES={hidden!r} names none of {devices}", hidden=hidden, devices=_named(found.devices)),
            evidence="CUDA_VISIBLE_DEVICES",
            cure=_("unset CUDA_VISIBLE_DEVICES, or set it to a device's number: export CUDA_VISIBLE_DEVICES=0"),
        )
    elif found.driver:
        reason = _("driver {driver} is loaded but shows no device", driver=found.driver)
        yield _no_gpu(reason, _("In a container, start it with `--gpus all`."), source, context)
    else:
        yield _no_gpu(found.note or _("no NVIDIA driver is loaded"), "", source, context)


def _mute_driver(found: Gpus, source: str) -> Finding:
    """The kernel has the driver, and its library cannot talk to it: nothing on CUDA works."""
    cure = (
        _("Restart the machine: the driver's packages were upgraded under the module that the kernel has loaded.")
        if "mismatch" in found.note
        else _("Restart the container: it lost its access to the GPU. Outside of one, restart the machine.")
    )
    return fail(
        "GPU001",
        _("the NVIDIA driver does not answer"),
        _("{note}; the kernel has driver {driver}", note=found.note, driver=found.driver or _("of unknown version")),
        evidence=source,
        cure=cure,
    )


def _no_gpu(reason: str, first: str, source: str, context: Context) -> Finding:
    cure = _(
        "Install NVIDIA's driver and look with `nvidia-smi`; inside a container the host needs the NVIDIA container "
        "toolkit and `--gpus all`. Without a GPU: `--profile cpu`."
    )
    return fail(
        "GPU001",
        _("no NVIDIA GPU is visible"),
        _("{reason}; profile {profile} trains on one", reason=reason, profile=context.profile.name),
        evidence=source,
        cure=f"{first} {cure}" if first else cure,
    )


def _named(devices: tuple[Gpu, ...]) -> str:
    return ", ".join(f"{gpu.index} ({gpu.name})" for gpu in devices)
