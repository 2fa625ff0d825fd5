"""ACC: accelerate's config, and what wins over it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from ...language import N_, _
from ...system.bundle import bundled
from ..finding import Verdict, skip, warn
from ..rule import Context, Rule, given
from ..wording import shown
from .content import check_content
from .precision import check_precision
from .processes import check_processes

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


def check_present(context: Context) -> Iterator[Verdict]:
    """ACC001: without a file, `accelerate launch` takes every GPU it sees."""
    config = given(context.sheet.accelerate)
    if not config.exists:
        yield warn(
            _(
                "{path} is not there; `accelerate launch` then decides itself how many GPUs it takes",
                path=shown(config.path),
            ),
            cure=_("Run `accelerate config`, or let `fix` write one."),
            evidence=shown(config.path),
        )


def _stray(variables: dict[str, str]) -> Iterator[Verdict]:
    if all(name.startswith("ACCELERATE_") for name in variables):
        return
    stray = bundled("launch").stray_launch(variables)
    if stray:
        names = [one.partition("=")[0] for one in stray]
        yield warn(
            _(
                "{variables}: accelerate takes a run for one process of several, as a launcher (srun, mpirun) sets it, "
                "and MASTER_ADDR and MASTER_PORT, by which they would meet, are not set: the run ends at its start, or "
                "waits for the others",
                variables=", ".join(map(shown, stray)),
            ),
            cure=_("Run `unset {name}` unless you mean it.", name=" ".join(names)),
            evidence=_("the environment of this shell"),
            subject=names[0],
        )


def check_variables(context: Context) -> Iterator[Verdict]:
    """ACC005: variables that win over the file, and those that promise other processes."""
    yield from _stray(dict(given(context.sheet.accelerate).overrides))
    for name, value in given(context.sheet.accelerate).overrides:
        if name in _WINNING and value.lower() not in ("", "0", "false", "no"):
            yield warn(
                _(_WINNING[name], variable=f"{name}={shown(value)}"),
                cure=_("Run `unset {name}` unless you mean it.", name=name),
                evidence=_("the environment of this shell"),
                subject=name,
            )


def check_scripts(context: Context) -> Iterator[Verdict]:
    """ACC006: gradient accumulation asked of the launcher, which hands it to DeepSpeed alone."""
    for flag in given(context.sheet.accelerate).ignored_flags:
        yield warn(
            _(
                "line {line} of {file} gives `accelerate launch` the flag {flag}: without DeepSpeed it is ignored, and "
                "each step trains on one batch",
                line=flag.line,
                file=shown(flag.file),
                flag=f"`{shown(flag.text)}`",
            ),
            cure=_("Write it behind the name of the training script, which has a flag of the same name."),
            evidence=f"{shown(flag.file)}:{flag.line}",
            subject=f"{shown(flag.file)}:{flag.line}",
        )


def _of_the_file(check: Callable[[Context], Iterable[Verdict]]) -> Callable[[Context], Iterable[Verdict]]:
    """The check, but that it does not apply where it has nothing to say and there is no file."""

    def evaluate(context: Context) -> Iterable[Verdict]:
        said = tuple(check(context))
        none = skip(_("does not apply: there is no accelerate config"))
        return said if said or given(context.sheet.accelerate).exists else (none,)

    return evaluate


_rule = partial(Rule, needs=("accelerate",), repairable=True)
RULES = (
    _rule("ACC001", N_("no accelerate config"), check_present, fine=N_("There is an accelerate config")),
    _rule(
        "ACC002",
        N_("mixed_precision will fail or mislead"),
        _of_the_file(check_precision),
        fine=N_("mixed_precision is what the settings say and the GPU can do"),
    ),
    _rule(
        "ACC003",
        N_("the accelerate config is not valid"),
        _of_the_file(check_content),
        fine=N_("The accelerate config is valid"),
    ),
    _rule(
        "ACC004",
        N_("the accelerate config and the GPUs disagree"),
        _of_the_file(check_processes),
        fine=N_("The accelerate config and the GPUs agree"),
    ),
    _rule(
        "ACC005",
        N_("environment variables change what accelerate does"),
        check_variables,
        repairable=False,
        fine=N_("No environment variable changes what accelerate does"),
    ),
    _rule(
        "ACC006",
        N_("a script gives `accelerate launch` a flag that does nothing"),
        check_scripts,
        repairable=False,
        fine=N_("No script here gives `accelerate launch` a flag that does nothing"),
    ),
)
