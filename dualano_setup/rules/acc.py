"""Rules about accelerate's configuration file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..facts.accelerate import CONVERTED_KEYS
from ..facts.fact import Known
from .finding import Finding
from .rule import Context, Rule, fail, warn
from .wording import listing, nearest, shown

if TYPE_CHECKING:
    from ..facts.sheet import AccelerateConfig, Gpu

MISSING, PRECISION, INVALID, PROCESSES, VARIABLES = (
    "no accelerate config",
    "mixed_precision will fail or mislead",
    "the accelerate config is not valid",
    "the accelerate config and the GPUs disagree",
    "environment variables change what accelerate does",
)
PRECISIONS = ("no", "fp16", "bf16", "fp8")
DISTRIBUTED = (
    "NO", "MULTI_CPU", "MULTI_GPU", "MULTI_NPU", "MULTI_MLU", "MULTI_SDAA", "MULTI_MUSA", "MULTI_XPU", "MULTI_HPU",
    "MULTI_NEURON", "DEEPSPEED", "FSDP", "XLA", "TPU", "MEGATRON_LM",
)  # fmt: skip
"""DistributedType of accelerate 0.24.1 and 1.15.0 together."""
ENVIRONMENTS = ("LOCAL_MACHINE", "AMAZON_SAGEMAKER")
BF16_CAPABILITY = (8, 0)
"""Ampere: the first NVIDIA GPUs with bfloat16 arithmetic (CUDA C++ Programming Guide, compute capabilities)."""
_WINNING = {
    "ACCELERATE_USE_DEEPSPEED": "wraps the model with DeepSpeed",
    "ACCELERATE_USE_FSDP": "shards the model",
    "ACCELERATE_USE_MEGATRON_LM": "wraps the model with Megatron-LM",
    "ACCELERATE_USE_CPU": "keeps the run on the processor",
    "ACCELERATE_TORCH_DEVICE": "moves the run to another device",
    "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "changes gradient accumulation",
}
"""Read by Accelerator itself and not set by `accelerate launch` (accelerator.py, state.py of 1.15.0)."""


def check_present(context: Context) -> Iterator[Finding]:
    """ACC001: without a file, `accelerate launch` takes every GPU it sees."""
    config = _config(context)
    if not config.exists:
        yield warn(
            "ACC001",
            MISSING,
            f"{shown(config.path)} is not there; `accelerate launch` then decides itself how many GPUs it takes",
            cure="Run `accelerate config`, or let `fix` write one.",
            evidence=shown(config.path),
            repairable=True,
        )


def check_precision(context: Context) -> Iterator[Finding]:
    """ACC002: a precision that ends the launch, or that is not what the settings ask for."""
    config = _config(context)
    if config.values is None or "mixed_precision" not in config.values:
        return
    value = config.values["mixed_precision"]
    if isinstance(value, bool):
        yield _bare_word(config, value)
    elif isinstance(value, str) and value.lower() in PRECISIONS:
        yield from _named_precision(context, config, value.lower())


def _bare_word(config: AccelerateConfig, value: bool) -> Finding:
    """`no` without quotation marks is False in YAML; accelerate 0.24 turns it back into text, 1.x does not."""
    converted = value is False and config.version is not None and config.version.startswith("0.")
    return (warn if converted else fail)(
        "ACC002",
        PRECISION,
        f"mixed_precision is the YAML truth value {value}; accelerate 1.x then fails with `'bool' object has no "
        "attribute 'lower'`",
        cure="Write `mixed_precision: 'no'`, in quotation marks.",
        evidence=shown(config.path),
        repairable=True,
    )


def _named_precision(context: Context, config: AccelerateConfig, value: str) -> Iterator[Finding]:
    problem = obstacle(context, value, use_cpu=bool(config.values and config.values.get("use_cpu")))
    wanted = context.settings.mixed_precision
    if problem:
        yield fail(
            "ACC002",
            PRECISION,
            f"mixed_precision is `{value}`: {problem}",
            cure=f"Write `mixed_precision: '{wanted if not obstacle(context, wanted, use_cpu=False) else 'no'}'`.",
            evidence=shown(config.path),
            repairable=True,
        )
    elif value != wanted:
        yield warn(
            "ACC002",
            PRECISION,
            f"mixed_precision is `{value}`, and the settings of this project say `{wanted}`",
            cure=f"Write `mixed_precision: '{wanted}'`, or set `mixed_precision` under [train] in dualano.toml.",
            evidence=shown(config.path),
            repairable=True,
        )


def obstacle(context: Context, value: str, *, use_cpu: bool) -> str:
    """Why that precision cannot run here, or nothing."""
    if value == "no":
        return ""
    if value == "fp8":
        return "the method was never run in fp8, and it needs a package of its own"
    gpus = visible_gpus(context)
    if value == "fp16" and (use_cpu or gpus == ()):
        return "fp16 mixed precision needs a GPU"
    old = [gpu for gpu in gpus or () if gpu.compute_capability and gpu.compute_capability < BF16_CAPABILITY]
    if value == "bf16" and old and not use_cpu:
        return f"{shown(old[0].name)} has no bfloat16 (compute capability below 8.0)"
    if _checkout_unready(context):
        return "the checkout's attention processors fail in mixed precision as they are (see SRC003)"
    return ""


def _checkout_unready(context: Context) -> bool:
    checkout = context.sheet.checkout
    return isinstance(checkout, Known) and any(
        patch.default and "SRC003" in patch.rules and patch.state in ("before", "partly")
        for patch in checkout.value.patches
    )


def check_content(context: Context) -> Iterator[Finding]:
    """ACC003: not YAML, keys that this accelerate refuses, values that it cannot take."""
    config = _config(context)
    where = shown(config.path)
    if config.error:
        yield fail(
            "ACC003",
            INVALID,
            shown(config.error),
            cure="Correct the line, or let `fix` move the file aside and write a new one.",
            evidence=where,
            repairable=True,
        )
    for key, problem in problems(config):
        cure = f"Correct or remove `{shown(key)}`."
        yield fail("ACC003", INVALID, problem, cure=cure, evidence=where, repairable=True, subject=shown(key))


def problems(config: AccelerateConfig) -> Iterator[tuple[str, str]]:
    """(key, what is wrong) of every key or value that this accelerate does not take."""
    values = config.values
    if values is None or values.get("compute_environment") == "AMAZON_SAGEMAKER":
        return
    known = (*config.known_keys, *CONVERTED_KEYS)
    version = f"accelerate {config.version}" if config.version else "accelerate"
    for key in values:
        if key not in known:
            yield key, f"{version} knows no key `{shown(key)}`{nearest(key, known)}"
    if "distributed_type" not in values:
        yield "distributed_type", "`distributed_type` is missing, which accelerate refuses"
    for key, allowed in (
        ("compute_environment", ENVIRONMENTS),
        ("distributed_type", DISTRIBUTED),
        ("mixed_precision", PRECISIONS),
    ):
        value = values.get(key)
        if isinstance(value, bool) or value is None:
            continue  # ACC002 has the truth values; accelerate takes `distributed_type: NO` without quotation marks
        if not isinstance(value, str) or (value.lower() if key == "mixed_precision" else value) not in allowed:
            yield key, f"`{key}` is `{shown(value)}`; it takes {listing(allowed, 20)}"
    for key in ("num_processes", "num_machines"):
        value = values.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            yield key, f"`{key}` is `{shown(value)}`; it takes a whole number above 0"


def check_processes(context: Context) -> Iterator[Finding]:
    """ACC004: more processes than GPUs, or a number that the settings, or the file itself, contradict."""
    config = _config(context)
    values = config.values or {}
    asked, wanted = values.get("num_processes"), context.settings.num_processes
    kind = values.get("distributed_type")
    gpus = visible_gpus(context)
    if isinstance(asked, bool) or not isinstance(asked, int):
        return
    problem, judge = "", fail
    if gpus is not None and kind == "MULTI_GPU" and asked > len(gpus):
        problem = f"it asks for {asked} GPU processes, and {len(gpus)} GPUs can be used"
    elif asked > 1 and kind in ("NO", False):
        problem, judge = f"it asks for {asked} processes with distributed_type NO, which starts only one", warn
    elif asked != wanted:
        problem, judge = f"it asks for {asked} processes, and the settings of this project for {wanted}", warn
    elif kind == "MULTI_GPU" and asked == 1:
        problem, judge = "distributed_type is MULTI_GPU for a single process", warn
    if problem:
        yield judge(
            "ACC004",
            PROCESSES,
            problem,
            cure=f"Set num_processes to {wanted}, distributed_type to {'MULTI_GPU' if wanted > 1 else 'NO (quoted)'}.",
            evidence=shown(config.path),
            repairable=gpus is None or wanted <= max(1, len(gpus)),
        )


def check_variables(context: Context) -> Iterator[Finding]:
    """ACC005: variables that win over the file."""
    for name, value in _config(context).overrides:
        if name in _WINNING and value.lower() not in ("", "0", "false", "no"):
            yield warn(
                "ACC005",
                VARIABLES,
                f"{name}={shown(value)} {_WINNING[name]}, whatever the config file says",
                cure=f"Run `unset {name}` unless you mean it.",
                evidence="the environment of this shell",
                subject=name,
            )


def visible_gpus(context: Context) -> tuple[Gpu, ...] | None:
    """The GPUs that a run would see, None when that is not known."""
    fact = context.sheet.gpus
    if not isinstance(fact, Known):
        return None
    gpus = fact.value
    if gpus.visible is None:
        return gpus.devices
    chosen = [
        next((gpu for gpu in gpus.devices if word == str(gpu.index) or (word and gpu.uuid.startswith(word))), None)
        for word in gpus.visible
    ]
    end = chosen.index(None) if None in chosen else len(chosen)  # CUDA stops at the first it does not know
    return tuple(gpu for gpu in chosen[:end] if gpu is not None)


def _config(context: Context) -> AccelerateConfig:
    fact = context.sheet.accelerate
    assert isinstance(fact, Known)
    return fact.value


RULES = (
    Rule("ACC001", MISSING, check_present, ("accelerate",), repairable=True),
    Rule("ACC002", PRECISION, check_precision, ("accelerate",), repairable=True),
    Rule("ACC003", INVALID, check_content, ("accelerate",), repairable=True),
    Rule("ACC004", PROCESSES, check_processes, ("accelerate",), repairable=True),
    Rule("ACC005", VARIABLES, check_variables, ("accelerate",)),
)
