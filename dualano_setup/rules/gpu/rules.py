"""GPU: the driver, the devices, and whether the run fits onto them."""

from __future__ import annotations

from collections.abc import Iterator

from ...facts.sheet import Gpu, GpuProcess
from ...knowledge.architectures import has_kernels
from ...knowledge.tables import driver_for, torch_architectures
from ...language import N_, _
from ...light_dataclasses import fields
from ...settings.options import Settings
from ...versions import numbers
from ..finding import Finding
from ..pkg.binary import build_mismatch, torch_build
from ..rule import Context, Rule, fail
from ..seen import gib, gpus, value, visible_gpus
from .memory import fitting, least, need, training_images
from .visible import gpu_is_visible


def _driver_is_new_enough(context: Context) -> Iterator[Finding]:
    found, profile = gpus(context), context.profile
    cuda = _cuda_that_will_run(context)
    if not profile.needs_gpu or cuda is None or found.driver is None:
        return
    row = driver_for(cuda)
    if row is None:
        return
    lowest, toolkit = row
    if numbers(found.driver) < numbers(lowest):
        yield fail(
            "GPU002",
            _("driver {driver} is too old for CUDA {cuda}", driver=found.driver, cuda=cuda),
            _(
                "CUDA {cuda} runs from driver {lowest} on; this machine has {driver}: `The NVIDIA driver on your "
                "system is too old`",
                cuda=cuda,
                lowest=lowest,
                driver=found.driver,
            ),
            evidence=found.via,
            cure=_(
                "Install driver {toolkit} or newer and restart, or take a stack for an older CUDA: "
                "`dualano-doctor profile` says which ones this driver runs.",
                toolkit=numbers(toolkit)[0],
            ),
        )
    elif numbers(found.driver) < numbers(toolkit):
        detail = _(
            "CUDA {cuda} came with driver {toolkit}; {driver} runs it by minor-version compatibility "
            "(kernels compiled at run time from newer PTX are the exception)",
            cuda=cuda,
            toolkit=toolkit,
            driver=found.driver,
        )
        yield Finding(
            "GPU002",
            "info",
            _("driver {driver} is older than CUDA {cuda}'s own", driver=found.driver, cuda=cuda),
            detail,
            found.via,
        )


def _cuda_that_will_run(context: Context) -> str | None:
    """The installed torch's CUDA where that torch stays, else the profile's."""
    seen = value(context.sheet.environment)
    build = torch_build(seen) if seen else None
    if seen is None or build is None or build.cuda is None or build_mismatch(seen, context.profile):
        return context.profile.cuda
    return build.cuda


def _memory_suffices(context: Context) -> Iterator[Finding]:
    if not context.profile.needs_gpu:
        return
    images = training_images(context.sheet)
    wanted, lowest = need(context.settings, images), least(context.settings, images)
    for gpu in _used_gpus(context):
        if gpu.memory_total is None or gpu.memory_total >= wanted:
            continue
        if gpu.memory_total >= lowest:
            yield _tight("GPU003", gpu, gpu.memory_total, wanted)
            continue
        # The driver keeps a little of the card for itself.
        way_out = fitting(context.settings, int(gpu.memory_total * 0.97), gpu.compute_capability, images)
        yield fail(
            "GPU003",
            _(
                "{gpu}: {memory_total}, the run needs about {wanted}",
                gpu=gpu.name,
                memory_total=gib(gpu.memory_total),
                wanted=gib(wanted),
            ),
            _(
                "{run} needs about {wanted}; GPU {index} has {memory_total}",
                run=_in_words(context.settings),
                wanted=gib(wanted),
                index=gpu.index,
                memory_total=gib(gpu.memory_total),
            ),
            evidence=f"GPU {gpu.index}",
            cure=_memory_cure(context.settings, way_out),
            repairable=way_out is not None,
            subject=str(gpu.index),
        )


def _tight(rule: str, gpu: Gpu, room: int, wanted: int) -> Finding:
    """Between what the tensors need and what the run is likely to take: it may just fit."""
    detail = _(
        "the run is likely to take {wanted} of {room}; `--gradient_checkpointing` makes room",
        wanted=gib(wanted),
        room=gib(room),
    )
    return Finding(
        rule,
        "info",
        _("{gpu}: memory is tight", gpu=gpu.name),
        detail,
        f"GPU {gpu.index}",
        subject=str(gpu.index),
    )


def _memory_cure(settings: Settings, way_out: tuple[Settings, int] | None) -> str:
    if way_out is None:
        return _("No settings of this method fit; use a GPU with more memory.")
    better, size = way_out
    return _("In dualano.toml: {toml} (about {size}).", toml=_toml(settings, better), size=gib(size))


def changed_settings(old: Settings, new: Settings) -> dict[str, object]:
    """The keys of [train] in which the two differ, with the new values."""
    keys = [name for name in fields(Settings) if name != "said_by"]
    return {key: getattr(new, key) for key in keys if getattr(old, key) != getattr(new, key)}


def proposed_settings(context: Context) -> dict[str, object]:
    """The changes under [train] with which the run fits onto every used GPU; empty when it fits, or nothing does."""
    totals = [(gpu.memory_total, gpu.compute_capability) for gpu in _used_gpus(context) if gpu.memory_total]
    if not totals or min(total for total, __ in totals) >= least(context.settings):
        return {}
    total, capability = min(totals, key=lambda each: each[0])
    way_out = fitting(context.settings, int(total * 0.97), capability)
    return changed_settings(context.settings, way_out[0]) if way_out else {}


def _toml(old: Settings, new: Settings) -> str:
    said = []
    for key, entry in changed_settings(old, new).items():
        text = str(entry).lower() if isinstance(entry, bool) else repr(entry).replace("'", '"')
        said.append(f"{key} = {text}")
    return "[train] " + ", ".join(said)


def _in_words(settings: Settings) -> str:
    precision = "fp32" if settings.mixed_precision == "no" else settings.mixed_precision
    said = _(
        "batch size {batch} at {pixels} px in {precision}",
        batch=settings.batch_size,
        pixels=settings.resolution,
        precision=precision,
    )
    return _("{run}, gradient checkpointing", run=said) if settings.gradient_checkpointing else said


def _kernels_are_there(context: Context) -> Iterator[Finding]:
    if not context.profile.needs_gpu:
        return
    what, architectures = _architectures(context)
    for gpu in visible_gpus(gpus(context)):
        capability = gpu.compute_capability
        if capability is None or not architectures or has_kernels(architectures, capability):
            continue
        name = f"sm_{capability[0]}{capability[1]}"
        yield fail(
            "GPU004",
            _("{torch} has no code for {gpu} ({architecture})", torch=what, gpu=gpu.name, architecture=name),
            _(
                "it was built for {architectures}: `CUDA error: no kernel image is available for execution on "
                "the device`",
                architectures=", ".join(architectures),
            ),
            evidence=f"GPU {gpu.index}",
            cure=_(
                "Take a stack that knows this GPU: `dualano-doctor profile` says which one, then `dualano-doctor "
                "fix --profile NAME`."
            ),
            repairable=has_kernels(context.profile.architectures, capability),  # else the same would come again
            subject=str(gpu.index),
        )


def _architectures(context: Context) -> tuple[str, tuple[str, ...]]:
    """(which torch, its architectures): the installed one where it stays, else the profile's."""
    profile, seen = context.profile, value(context.sheet.environment)
    build = torch_build(seen) if seen else None
    if seen and build and build.cuda and not build_mismatch(seen, profile):
        listed = torch_architectures(build.version, build.cuda)
        if listed:
            return f"torch {build.version}", listed
    return f"torch {profile.packages['torch']} (CUDA {profile.cuda})", profile.architectures


def _memory_is_free(context: Context) -> Iterator[Finding]:
    """Only where the run would fit onto the empty GPU: else GPU003 is the finding."""
    if not context.profile.needs_gpu:
        return
    images = training_images(context.sheet)
    wanted, lowest = need(context.settings, images), least(context.settings, images)
    for gpu in _used_gpus(context):
        if gpu.memory_total is None or gpu.memory_used is None or gpu.memory_total < lowest:
            continue
        free = gpu.memory_total - gpu.memory_used
        if free >= lowest:
            if free < wanted <= gpu.memory_total:
                yield _tight("GPU005", gpu, free, wanted)
            continue
        holders = ", ".join(_holder(process) for process in gpu.processes)
        yield fail(
            "GPU005",
            _(
                "{gpu}: only {free} of {memory_total} free",
                gpu=gpu.name,
                free=gib(free),
                memory_total=gib(gpu.memory_total),
            ),
            _(
                "the run needs about {wanted}; {memory_used} are taken by {holders}",
                wanted=gib(wanted),
                memory_used=gib(gpu.memory_used),
                holders=holders or _("other processes"),
            ),
            evidence=f"GPU {gpu.index}",
            cure=_(
                "Wait for it, end it if it is yours, or take another GPU with CUDA_VISIBLE_DEVICES; smaller "
                "settings: {cure}",
                cure=_memory_cure(context.settings, fitting(context.settings, free, gpu.compute_capability, images)),
            ),
            subject=str(gpu.index),
        )


def _holder(process: GpuProcess) -> str:
    size = f", {gib(process.memory)}" if process.memory else ""
    return f"{process.name or _('a process')} (PID {process.pid}{size})"


def _used_gpus(context: Context) -> tuple[Gpu, ...]:
    """The devices that the run's processes take: the first ones visible."""
    return visible_gpus(gpus(context))[: context.settings.num_processes]


RULES = (
    Rule("GPU001", N_("An NVIDIA GPU is visible"), gpu_is_visible, needs=("gpus",), sees_absent=True),
    Rule(
        "GPU002",
        N_("The driver is new enough for the profile's CUDA"),
        _driver_is_new_enough,
        needs=("gpus",),
        after=("GPU001",),
    ),
    Rule(
        "GPU003",
        N_("GPU memory suffices for this batch size, precision and resolution"),
        _memory_suffices,
        needs=("gpus",),
        after=("GPU001",),
        repairable=True,
    ),
    Rule(
        "GPU004",
        N_("torch has kernels for this GPU's architecture"),
        _kernels_are_there,
        needs=("gpus",),
        after=("GPU001",),
        repairable=True,
    ),
    Rule("GPU005", N_("Other processes leave enough GPU memory"), _memory_is_free, needs=("gpus",), after=("GPU001",)),
)
