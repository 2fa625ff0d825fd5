"""ACC002: the precision that accelerate's config names, and whether it can run here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...facts.fact import value
from ...language import _
from ..finding import Verdict, fail, warn
from ..rule import Context, given
from ..wording import shown
from .processes import visible

if TYPE_CHECKING:
    from ...facts.sheet import AccelerateConfig

PRECISIONS = ("no", "fp16", "bf16", "fp8")
BF16_CAPABILITY = (8, 0)
"""Ampere: the first NVIDIA GPUs with bfloat16 arithmetic (CUDA C++ Programming Guide, compute capabilities)."""


def check_precision(context: Context) -> Iterator[Verdict]:
    """ACC002: a precision that ends the launch, or that is not what the settings ask for."""
    config = given(context.sheet.accelerate)
    if config.values is None or "mixed_precision" not in config.values:
        return
    named = config.values["mixed_precision"]
    if isinstance(named, bool):
        yield _bare_word(config, named)
    elif isinstance(named, str) and named.lower() in PRECISIONS:
        yield from _named_precision(context, config, named.lower())


def _bare_word(config: AccelerateConfig, value: bool) -> Verdict:
    """`no` without quotation marks is False in YAML; accelerate 0.24 turns it back into text, 1.x does not."""
    converted = value is False and config.version is not None and config.version.startswith("0.")
    return Verdict(
        "warn" if converted else "fail",
        _(
            "mixed_precision is the YAML truth value {value}; accelerate 1.x then fails with `'bool' object has "
            "no attribute 'lower'`",
            value=value,
        ),
        cure=_("Write `mixed_precision: 'no'`, in quotation marks."),
        evidence=shown(config.path),
    )


def _named_precision(context: Context, config: AccelerateConfig, value: str) -> Iterator[Verdict]:
    use_cpu = bool(config.values and config.values.get("use_cpu"))
    problem = obstacle(context, value, use_cpu=use_cpu)
    wanted = context.settings.mixed_precision
    if problem:
        ours = _limit_of_the_machine(context, value, use_cpu=use_cpu)
        yield fail(
            _("mixed_precision is `{value}`: {problem}", value=value, problem=problem),
            cure=_(
                "Write `mixed_precision: '{wanted}'`.",
                wanted=wanted if not obstacle(context, wanted, use_cpu=False) else "no",
            ),
            evidence=shown(config.path),
            caused_by=None if ours else "SRC003",
        )
    elif value != wanted:
        yield warn(
            _(
                "mixed_precision is `{value}`, and the settings of this project say `{wanted}`",
                value=value,
                wanted=wanted,
            ),
            cure=_(
                "Write `mixed_precision: '{wanted}'`, or set `mixed_precision` under [train] in dualano.toml.",
                wanted=wanted,
            ),
            evidence=shown(config.path),
        )


def obstacle(context: Context, value: str, *, use_cpu: bool) -> str:
    """Why that precision cannot run here, or nothing."""
    if value == "no":
        return ""
    if limit := _limit_of_the_machine(context, value, use_cpu=use_cpu):
        return limit
    if _checkout_unready(context):
        return _("the checkout's attention processors fail in mixed precision as they are (see SRC003)")
    return ""


def _limit_of_the_machine(context: Context, value: str, *, use_cpu: bool) -> str:
    if value == "fp8":
        return _("the method was never run in fp8, and it needs a package of its own")
    gpus = visible(context)
    if value == "fp16" and (use_cpu or gpus == ()):
        return _("fp16 mixed precision needs a GPU")
    old = [gpu for gpu in gpus or () if gpu.compute_capability and gpu.compute_capability < BF16_CAPABILITY]
    if value == "bf16" and old and not use_cpu:
        return _("{name} has no bfloat16 (compute capability below 8.0)", name=shown(old[0].name))
    return ""


def _checkout_unready(context: Context) -> bool:
    checkout = value(context.sheet.checkout)
    return checkout is not None and any(
        patch.default and "SRC003" in patch.rules and patch.state in ("before", "partly") for patch in checkout.patches
    )
