"""GPU: the driver, the devices, and whether the run fits onto them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ...facts.fact import value
from ...facts.sheet import BinaryBuild, Gpu, GpuProcess
from ...knowledge.architectures import has_kernels
from ...knowledge.tables import driver_for, torch_architectures
from ...language import N_, _
from ...light_dataclasses import fields
from ...settings.options import Settings
from ...versions import numbers
from ..finding import Verdict, fail, info, skip
from ..pkg.binary import build_mismatch, torch_build
from ..rule import Context, Rule, given
from ..wording import gib
from .memory import fitting, least, need, training_images
from .visible import gpu_is_visible, visible_gpus


def _no_gpu_needed(context: Context) -> Verdict:
    return skip(_("profile {profile} needs no GPU", profile=context.profile.name))


def _driver_is_new_enough(context: Context) -> Iterator[Verdict]:
    found, profile = given(context.sheet.gpus), context.profile
    cuda = _cuda_that_will_run(context)
    if not profile.needs_gpu:
        yield _no_gpu_needed(context)
        return
    if cuda is None or found.driver is None:
        return
    row = driver_for(cuda)
    if row is None:
        return
    lowest, toolkit = row
    if numbers(found.driver) < numbers(lowest):
        yield fail(
            _(
                "CUDA {cuda} runs from driver {lowest} on; this machine has {driver}: `The NVIDIA driver on your "
                "system is too old`",
                cuda=cuda,
                lowest=lowest,
                driver=found.driver,
            ),
            title=_("driver {driver} is too old for CUDA {cuda}", driver=found.driver, cuda=cuda),
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
        yield info(
            detail,
            title=_("driver {driver} is older than CUDA {cuda}'s own", driver=found.driver, cuda=cuda),
            evidence=found.via,
        )


def _cuda_that_will_run(context: Context) -> str | None:
    """The installed torch's CUDA where that torch stays, else the profile's."""
    build = _staying_build(context)
    return build.cuda if build else context.profile.cuda


def _staying_build(context: Context) -> BinaryBuild | None:
    """The installed torch with CUDA that no repair replaces; None where there is none, or none that tells."""
    seen = value(context.sheet.environment)
    build = torch_build(seen) if seen else None
    stays = seen and build and build.cuda and not build_mismatch(seen, context.profile)
    return build if stays else None


def _memory_suffices(context: Context) -> Iterator[Verdict]:
    if not context.profile.needs_gpu:
        yield _no_gpu_needed(context)
        return
    images = training_images(context.sheet)
    wanted, lowest = need(context.settings, images), least(context.settings, images)
    for gpu in _used_gpus(context):
        if gpu.memory_total is None or gpu.memory_total >= wanted:
            continue
        if gpu.memory_total >= lowest:
            yield _tight(gpu, gpu.memory_total, wanted)
            continue
        # The driver keeps a little of the card for itself.
        way_out = fitting(context.settings, int(gpu.memory_total * 0.97), gpu.compute_capability, images)
        yield fail(
            _(
                "{run} needs about {wanted}; GPU {index} has {memory_total}",
                run=_in_words(context.settings),
                wanted=gib(wanted),
                index=gpu.index,
                memory_total=gib(gpu.memory_total),
            ),
            title=_(
                "{gpu}: {memory_total}, the run needs about {wanted}",
                gpu=gpu.name,
                memory_total=gib(gpu.memory_total),
                wanted=gib(wanted),
            ),
            evidence=f"GPU {gpu.index}",
            cure=_memory_cure(context.settings, way_out),
            repairable=way_out is not None,
            subject=str(gpu.index),
        )


def _tight(gpu: Gpu, room: int, wanted: int) -> Verdict:
    """Between what the tensors need and what the run is likely to take: it may just fit."""
    detail = _(
        "the run is likely to take {wanted} of {room}; `--gradient_checkpointing` makes room",
        wanted=gib(wanted),
        room=gib(room),
    )
    title = _("{gpu}: memory is tight", gpu=gpu.name)
    return info(detail, title=title, evidence=f"GPU {gpu.index}", subject=str(gpu.index))


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


def _kernels_are_there(context: Context) -> Iterator[Verdict]:
    if not context.profile.needs_gpu:
        yield _no_gpu_needed(context)
        return
    what, architectures = _architectures(context)
    for gpu in visible_gpus(given(context.sheet.gpus)):
        capability = gpu.compute_capability
        if capability is None or not architectures or has_kernels(architectures, capability):
            continue
        name = f"sm_{capability[0]}{capability[1]}"
        yield fail(
            _(
                "it was built for {architectures}: `CUDA error: no kernel image is available for execution on "
                "the device`",
                architectures=", ".join(architectures),
            ),
            title=_("{torch} has no code for {gpu} ({architecture})", torch=what, gpu=gpu.name, architecture=name),
            evidence=f"GPU {gpu.index}",
            cure=_(
                "Take a stack that knows this GPU: `dualano-doctor profile` says which one, then `dualano-doctor "
                "fix --profile NAME`."
            ),
            repairable=has_kernels(context.profile.architectures, capability),
            subject=str(gpu.index),
        )


def _architectures(context: Context) -> tuple[str, tuple[str, ...]]:
    """(which torch, its architectures): the installed one where it stays, else the profile's."""
    profile, build = context.profile, _staying_build(context)
    listed = torch_architectures(build.version, build.cuda) if build and build.cuda else ()
    if build and listed:
        return f"torch {build.version}", listed
    return f"torch {profile.packages['torch']} (CUDA {profile.cuda})", profile.architectures


def _memory_is_free(context: Context) -> Iterator[Verdict]:
    """Only where the run would fit onto the empty GPU: else GPU003 is the finding."""
    if not context.profile.needs_gpu:
        yield _no_gpu_needed(context)
        return
    images = training_images(context.sheet)
    wanted, lowest = need(context.settings, images), least(context.settings, images)
    for gpu in _used_gpus(context):
        if gpu.memory_total is None or gpu.memory_used is None or gpu.memory_total < lowest:
            continue
        free = gpu.memory_total - gpu.memory_used
        if free >= lowest:
            if free < wanted <= gpu.memory_total:
                yield _tight(gpu, free, wanted)
            continue
        holders = ", ".join(_holder(process) for process in gpu.processes)
        yield fail(
            _(
                "the run needs about {wanted}; {memory_used} are taken by {holders}",
                wanted=gib(wanted),
                memory_used=gib(gpu.memory_used),
                holders=holders or _("other processes"),
            ),
            title=_(
                "{gpu}: only {free} of {memory_total} free",
                gpu=gpu.name,
                free=gib(free),
                memory_total=gib(gpu.memory_total),
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
    return visible_gpus(given(context.sheet.gpus))[: context.settings.num_processes]


_rule = partial(Rule, needs=("gpus",), after=("GPU001",))
RULES = (
    _rule("GPU001", N_("An NVIDIA GPU is visible"), gpu_is_visible, after=(), sees_absent=True),
    _rule("GPU002", N_("The driver is new enough for the profile's CUDA"), _driver_is_new_enough),
    _rule(
        "GPU003",
        N_("GPU memory suffices for this batch size, precision and resolution"),
        _memory_suffices,
        repairable=True,
    ),
    _rule("GPU004", N_("torch has kernels for this GPU's architecture"), _kernels_are_there, repairable=True),
    _rule("GPU005", N_("Other processes leave enough GPU memory"), _memory_is_free),
)
