"""ACC004, one half: values of accelerate's config that send the run where this machine has nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..facts.fact import Known
from ..language import _
from . import seen
from .rule import Context
from .wording import listing

if TYPE_CHECKING:
    from ..facts.sheet import AccelerateConfig, Gpu


def misplaced(context: Context, config: AccelerateConfig) -> Iterator[tuple[str, str, bool]]:
    """(key, what is wrong, whether it stops the launch) of values that send the run where this machine has nothing."""
    values = config.values or {}
    found = seen.value(context.sheet.gpus)
    if values.get("use_cpu") is True and context.profile.needs_gpu and visible_gpus(context):
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


def visible_gpus(context: Context) -> tuple[Gpu, ...] | None:
    """The GPUs that a run would see, None when that is not known."""
    fact = context.sheet.gpus
    if not isinstance(fact, Known):
        return None
    return seen.visible_gpus(fact.value)
