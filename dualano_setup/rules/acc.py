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


from typing import TYPE_CHECKING

from ..facts.project.accelerate import CONVERTED_KEYS
from ..language import N_
from .finding import Finding
from .rule import Rule, fail, warn
from .wording import nearest, shown

if TYPE_CHECKING:
    from ..facts.sheet import AccelerateConfig


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


MISSING, PRECISION, INVALID, PROCESSES, VARIABLES = (
    N_("no accelerate config"),
    N_("mixed_precision will fail or mislead"),
    N_("the accelerate config is not valid"),
    N_("the accelerate config and the GPUs disagree"),
    N_("environment variables change what accelerate does"),
)
PRECISIONS = ("no", "fp16", "bf16", "fp8")
DISTRIBUTED = (
    "NO", "MULTI_CPU", "MULTI_GPU", "MULTI_NPU", "MULTI_MLU", "MULTI_SDAA", "MULTI_MUSA", "MULTI_XPU", "MULTI_HPU",
    "MULTI_NEURON", "DEEPSPEED", "FSDP", "XLA", "TPU", "MEGATRON_LM",
)  # fmt: skip
"""DistributedType of accelerate 0.24.1 and 1.15.0 together."""
_NEEDED = {"DEEPSPEED": "deepspeed", "XLA": "torch-xla", "TPU": "torch-xla"}
"""Packages without which a launch of that type ends (utils/launch.py and accelerator.py of 0.24.1 and 1.15.0)."""
ENVIRONMENTS = ("LOCAL_MACHINE", "AMAZON_SAGEMAKER")
BF16_CAPABILITY = (8, 0)
"""Ampere: the first NVIDIA GPUs with bfloat16 arithmetic (CUDA C++ Programming Guide, compute capabilities)."""
_WINNING = {
    "ACCELERATE_USE_DEEPSPEED": N_("{variable} wraps the model with DeepSpeed, whatever the config file says"),
    "ACCELERATE_USE_FSDP": N_("{variable} shards the model, whatever the config file says"),
    "ACCELERATE_USE_MEGATRON_LM": N_("{variable} wraps the model with Megatron-LM, whatever the config file says"),
    "ACCELERATE_USE_CPU": N_("{variable} keeps the run on the processor, whatever the config file says"),
    "ACCELERATE_TORCH_DEVICE": N_("{variable} moves the run to another device, whatever the config file says"),
    "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": N_(
        "{variable} changes gradient accumulation, whatever the config file says"
    ),
}
"""Read by Accelerator itself and not set by `accelerate launch` (accelerator.py, state.py of 1.15.0)."""


def check_present(context: Context) -> Iterator[Finding]:
    """ACC001: without a file, `accelerate launch` takes every GPU it sees."""
    config = _config(context)
    if not config.exists:
        yield warn(
            "ACC001",
            _(MISSING),
            _(
                "{path} is not there; `accelerate launch` then decides itself how many GPUs it takes",
                path=shown(config.path),
            ),
            cure=_("Run `accelerate config`, or let `fix` write one."),
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
        _(PRECISION),
        _(
            "mixed_precision is the YAML truth value {value}; accelerate 1.x then fails with `'bool' object has "
            "no attribute 'lower'`",
            value=value,
        ),
        cure=_("Write `mixed_precision: 'no'`, in quotation marks."),
        evidence=shown(config.path),
        repairable=True,
    )


def _named_precision(context: Context, config: AccelerateConfig, value: str) -> Iterator[Finding]:
    problem = obstacle(context, value, use_cpu=bool(config.values and config.values.get("use_cpu")))
    wanted = context.settings.mixed_precision
    if problem:
        yield fail(
            "ACC002",
            _(PRECISION),
            _("mixed_precision is `{value}`: {problem}", value=value, problem=problem),
            cure=_(
                "Write `mixed_precision: '{wanted}'`.",
                wanted=wanted if not obstacle(context, wanted, use_cpu=False) else "no",
            ),
            evidence=shown(config.path),
            repairable=True,
        )
    elif value != wanted:
        yield warn(
            "ACC002",
            _(PRECISION),
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
            repairable=True,
        )


def obstacle(context: Context, value: str, *, use_cpu: bool) -> str:
    """Why that precision cannot run here, or nothing."""
    if value == "no":
        return ""
    if value == "fp8":
        return _("the method was never run in fp8, and it needs a package of its own")
    gpus = visible_gpus(context)
    if value == "fp16" and (use_cpu or gpus == ()):
        return _("fp16 mixed precision needs a GPU")
    old = [gpu for gpu in gpus or () if gpu.compute_capability and gpu.compute_capability < BF16_CAPABILITY]
    if value == "bf16" and old and not use_cpu:
        return _("{name} has no bfloat16 (compute capability below 8.0)", name=shown(old[0].name))
    if _checkout_unready(context):
        return _("the checkout's attention processors fail in mixed precision as they are (see SRC003)")
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
            _(INVALID),
            shown(config.error),
            cure=_("Correct the line, or let `fix` move the file aside and write a new one."),
            evidence=where,
            repairable=True,
        )
    for key, problem in problems(config, installed(context)):
        cure = _("Correct or remove `{key}`.", key=shown(key))
        yield fail("ACC003", _(INVALID), problem, cure=cure, evidence=where, repairable=True, subject=shown(key))


def installed(context: Context) -> frozenset[str] | None:
    """The names of the training environment's distributions, None where they are not known."""
    environment = seen.value(context.sheet.environment)
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
            yield (
                key,
                _("{version} knows no key `{key}`", version=version, key=shown(key)) + nearest(key, known),
            )
    if "distributed_type" not in values:
        yield "distributed_type", _("`distributed_type` is missing, which accelerate refuses")
    for key, allowed in (
        ("compute_environment", ENVIRONMENTS),
        ("distributed_type", DISTRIBUTED),
        ("mixed_precision", PRECISIONS),
    ):
        value = values.get(key)
        if isinstance(value, bool) or value is None:
            continue  # ACC002 has the truth values; accelerate takes `distributed_type: NO` without quotation marks
        if not isinstance(value, str) or (value.lower() if key == "mixed_precision" else value) not in allowed:
            yield (
                key,
                _(
                    "`{key}` is `{value}`; it takes {allowed}",
                    key=key,
                    value=shown(value),
                    allowed=listing(allowed, 20),
                ),
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
        value = values.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            yield key, _("`{key}` is `{value}`; it takes a whole number above 0", key=key, value=shown(value))


def check_processes(context: Context) -> Iterator[Finding]:
    """ACC004: more processes than GPUs, a number that the settings or the file contradict, another place to run."""
    config = _config(context)
    for key, found, blocks in misplaced(context, config):
        yield (fail if blocks else warn)(
            "ACC004",
            _(PROCESSES),
            found,
            cure=_("Take `{key}` out, or set it to what this machine has.", key=key),
            evidence=shown(config.path),
            repairable=True,
            subject=key,
        )
    values = config.values or {}
    asked, wanted = values.get("num_processes"), context.settings.num_processes
    kind = values.get("distributed_type")
    gpus = visible_gpus(context)
    if isinstance(asked, bool) or not isinstance(asked, int):
        return
    problem, judge = "", fail
    if gpus is not None and kind == "MULTI_GPU" and asked > len(gpus):
        problem = _("it asks for {asked} GPU processes, and {gpus} GPUs can be used", asked=asked, gpus=len(gpus))
    elif asked > 1 and kind in ("NO", False):
        problem, judge = (
            _("it asks for {asked} processes with distributed_type NO, which starts only one", asked=asked),
            warn,
        )
    elif asked != wanted:
        problem, judge = (
            _(
                "it asks for {asked} processes, and the settings of this project for {wanted}",
                asked=asked,
                wanted=wanted,
            ),
            warn,
        )
    elif kind == "MULTI_GPU" and asked == 1:
        problem, judge = _("distributed_type is MULTI_GPU for a single process"), warn
    if problem:
        yield judge(
            "ACC004",
            _(PROCESSES),
            problem,
            cure=_(
                "Set num_processes to {wanted}, distributed_type to {kind}.",
                wanted=wanted,
                kind="MULTI_GPU" if wanted > 1 else _("NO (quoted)"),
            ),
            evidence=shown(config.path),
            repairable=gpus is None or wanted <= max(1, len(gpus)),
        )


def check_variables(context: Context) -> Iterator[Finding]:
    """ACC005: variables that win over the file."""
    for name, value in _config(context).overrides:
        if name in _WINNING and value.lower() not in ("", "0", "false", "no"):
            yield warn(
                "ACC005",
                _(VARIABLES),
                _(_WINNING[name], variable=f"{name}={shown(value)}"),
                cure=_("Run `unset {name}` unless you mean it.", name=name),
                evidence=_("the environment of this shell"),
                subject=name,
            )


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
