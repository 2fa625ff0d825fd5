"""The facts a rule may rely on once its `needs` were met, and the words that several rules share."""

from __future__ import annotations

from typing import TypeVar

from ..facts.fact import Fact, Known
from ..facts.sheet import Environment, Gpu, Gpus, Machine
from ..light_dataclasses import replace
from .finding import Finding
from .rule import Context

T = TypeVar("T")
GIB = 1024**3


def value(fact: Fact[T]) -> T | None:
    """What was seen, or None when nothing was or nothing could be."""
    return fact.value if isinstance(fact, Known) else None


def _known(fact: Fact[T]) -> T:
    assert isinstance(fact, Known), "a rule asked for a fact that it does not list in `needs`"
    return fact.value


def machine(context: Context) -> Machine:
    """The machine, for rules that need it."""
    return _known(context.sheet.machine)


def environment(context: Context) -> Environment:
    """The training environment, for rules that need it."""
    return _known(context.sheet.environment)


def gpus(context: Context) -> Gpus:
    """Driver and devices, for rules that need them."""
    return _known(context.sheet.gpus)


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


def gib(size: float) -> str:
    """Bytes for people: "19.6 GiB"."""
    return f"{size / GIB:.1f} GiB"


def skip(rule: str, title: str, reason: str, cause: str | None = None) -> Finding:
    """The row of a rule that does not apply, or waits for `cause`."""
    return Finding(rule, "skip", title, reason, caused_by=cause)
