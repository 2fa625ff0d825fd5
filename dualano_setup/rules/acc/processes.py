"""ACC004: where accelerate's config sends the run, and onto how many GPUs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...facts.fact import value
from ...language import _
from ..finding import Verdict
from ..gpu.visible import visible_gpus
from ..rule import Context, given
from ..wording import listing, shown

if TYPE_CHECKING:
    from ...facts.sheet import AccelerateConfig, Gpu


def check_processes(context: Context) -> Iterator[Verdict]:
    """ACC004: more processes than GPUs, a number that the settings or the file contradict, another place to run."""
    config = given(context.sheet.accelerate)
    for key, found, blocks in misplaced(context, config):
        yield Verdict(
            "fail" if blocks else "warn",
            found,
            cure=_("Take `{key}` out, or set it to what this machine has.", key=key),
            evidence=shown(config.path),
            subject=key,
        )
    values = config.values or {}
    asked, wanted = values.get("num_processes"), context.settings.num_processes
    kind = values.get("distributed_type")
    gpus = usable(context)
    if isinstance(asked, bool) or not isinstance(asked, int):
        return
    too_many = gpus is not None and kind == "MULTI_GPU" and asked > len(gpus)
    problem = ""
    if gpus is not None and too_many:
        problem = _("it asks for {asked} GPU processes, and {gpus} GPUs can be used", asked=asked, gpus=len(gpus))
        if not gpus and asked > 1:
            problem = _(
                "it asks for {asked} GPU processes, and no GPU can be used: accelerate 1.x then starts {asked} "
                "unconnected runs, each of which takes itself for the only one",
                asked=asked,
            )
    elif asked > 1 and kind in ("NO", False):
        problem = _("it asks for {asked} processes with distributed_type NO, which starts only one", asked=asked)
    elif asked != wanted:
        problem = _(
            "it asks for {asked} processes, and the settings of this project for {wanted}", asked=asked, wanted=wanted
        )
    elif kind == "MULTI_GPU" and asked == 1:
        problem = _("distributed_type is MULTI_GPU for a single process")
    if problem:
        yield Verdict(
            "fail" if too_many else "warn",
            problem,
            cure=_(
                "Set num_processes to {wanted}, distributed_type to {kind}.",
                wanted=wanted,
                kind="MULTI_GPU" if wanted > 1 else _("NO (quoted)"),
            ),
            evidence=shown(config.path),
            repairable=gpus is None or wanted <= max(1, len(gpus)),
        )


def misplaced(context: Context, config: AccelerateConfig) -> Iterator[tuple[str, str, bool]]:
    """(key, what is wrong, whether it stops the launch) of values that send the run where this machine has nothing."""
    values = config.values or {}
    found = value(context.sheet.gpus)
    if values.get("use_cpu") is True and context.profile.needs_gpu and visible(context):
        yield "use_cpu", _("`use_cpu` keeps the run on the processor, and a GPU is here"), False
    ids = [part.strip() for part in str(values.get("gpu_ids") or "").split(",") if part.strip()]
    known = {str(gpu.index) for gpu in found.devices} if found else set(ids)
    strangers = [part for part in ids if part.isdigit() and part not in known]
    if strangers and not values.get("use_cpu"):
        yield "gpu_ids", _("`gpu_ids` names GPU {numbers}, which is not here", numbers=listing(strangers)), True
    machines = values.get("num_machines")
    if isinstance(machines, int) and machines > 1:
        yield (
            "num_machines",
            _(
                "`num_machines` is {number}: the launch waits for machines that this program does not start",
                number=machines,
            ),
            False,
        )


def usable(context: Context) -> tuple[Gpu, ...] | None:
    """The GPUs that the environment's torch can compute on: none where it is a build for the processor."""
    environment = value(context.sheet.environment)
    torch = environment.torch if environment else None
    return () if torch and torch.cuda is None and torch.hip is None else visible(context)


def visible(context: Context) -> tuple[Gpu, ...] | None:
    """The GPUs that a run would see, None when that is not known."""
    found = value(context.sheet.gpus)
    return None if found is None else visible_gpus(found)
