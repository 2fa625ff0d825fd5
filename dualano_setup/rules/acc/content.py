"""ACC003: whether accelerate's config is one that the installed accelerate takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...facts.fact import value
from ...facts.project.accelerate import CONVERTED_KEYS
from ...language import _
from ..finding import Verdict, fail
from ..rule import Context, given
from ..wording import listing, nearest, shown
from .precision import PRECISIONS

if TYPE_CHECKING:
    from ...facts.sheet import AccelerateConfig

DISTRIBUTED = (
    "NO", "MULTI_CPU", "MULTI_GPU", "MULTI_NPU", "MULTI_MLU", "MULTI_SDAA", "MULTI_MUSA", "MULTI_XPU", "MULTI_HPU",
    "MULTI_NEURON", "DEEPSPEED", "FSDP", "XLA", "TPU", "MEGATRON_LM",
)  # fmt: skip
"""DistributedType of accelerate 0.24.1 and 1.15.0 together."""
_NEEDED = {"DEEPSPEED": "deepspeed", "XLA": "torch-xla", "TPU": "torch-xla"}
"""Packages without which a launch of that type ends (utils/launch.py and accelerator.py of 0.24.1 and 1.15.0)."""
ENVIRONMENTS = ("LOCAL_MACHINE", "AMAZON_SAGEMAKER")


def check_content(context: Context) -> Iterator[Verdict]:
    """ACC003: not YAML, keys that this accelerate refuses, values that it cannot take."""
    config = given(context.sheet.accelerate)
    where = shown(config.path)
    if config.error:
        yield fail(
            shown(config.error),
            cure=_("Correct the line, or let `fix` move the file aside and write a new one."),
            evidence=where,
        )
    for key, problem in problems(config, installed(context)):
        cure = _("Correct or remove `{key}`.", key=shown(key))
        yield fail(problem, cure=cure, evidence=where, subject=shown(key))


def installed(context: Context) -> frozenset[str] | None:
    """The names of the training environment's distributions, None where they are not known."""
    environment = value(context.sheet.environment)
    return frozenset(found.name for found in environment.distributions) if environment else None


def problems(config: AccelerateConfig, packages: frozenset[str] | None) -> Iterator[tuple[str, str]]:
    """(key, what is wrong) of every key or value that this accelerate does not take beside these packages."""
    values = config.values
    if values is None or values.get("compute_environment") == "AMAZON_SAGEMAKER":
        return
    known = (*config.known_keys, *CONVERTED_KEYS)
    version = f"accelerate {config.version}" if config.version else "accelerate"
    for key in values:
        if key not in known:
            yield key, _("{version} knows no key `{key}`", version=version, key=shown(key)) + nearest(key, known)
    if "distributed_type" not in values:
        yield "distributed_type", _("`distributed_type` is missing, which accelerate refuses")
    for key, allowed in (
        ("compute_environment", ENVIRONMENTS),
        ("distributed_type", DISTRIBUTED),
        ("mixed_precision", PRECISIONS),
    ):
        word = values.get(key)
        if isinstance(word, bool) or word is None:
            continue  # ACC002 has the truth values; accelerate takes `distributed_type: NO` without quotation marks
        if not isinstance(word, str) or (word.lower() if key == "mixed_precision" else word) not in allowed:
            yield (
                key,
                _("`{key}` is `{value}`; it takes {allowed}", key=key, value=shown(word), allowed=listing(allowed, 20)),
            )
    needed = _NEEDED.get(str(values.get("distributed_type")))
    if needed and packages is not None and needed not in packages:
        yield (
            "distributed_type",
            _(
                "`distributed_type` is `{kind}`, which needs the package {package}, and it is not installed",
                kind=values["distributed_type"],
                package=needed,
            ),
        )
    for key in ("num_processes", "num_machines"):
        number = values.get(key, 1)
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            yield key, _("`{key}` is `{value}`; it takes a whole number above 0", key=key, value=shown(number))
