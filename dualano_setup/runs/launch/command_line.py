"""The command that starts a training: argument list, working folder, environment, accelerate file. Pure.

`accelerate launch` itself runs isolated (`-I`), so that no folder named like one of its imports in the working folder
can get in its way, and always with the run's own configuration: the user's file and ACCELERATE_... variables stay out.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...facts.fact import Absent, Known
from ...facts.sheet import FactSheet
from ...language import _
from ...settings.options import Settings
from ..folder import RunFolder, results_of
from .arguments import CHECKOUT_SCRIPTS, CHECKOUT_TREES, bundled_arguments, checkout_arguments, steps_of, value_of

STARTER = "train.py"
STARTER_SOURCE = (
    '"""Starts the trainer beside this file: unlike the working folder, this one holds nothing else."""\n\nimport '
    'runpy\n\nrunpy.run_module("trainer", run_name="__main__", alter_sys=True)\n'
)
METRICS = "metrics.jsonl"

# Each would put other code before the environment's own, or another setting before the run's file.
_REMOVED = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONSAFEPATH", "PYTHONINSPECT", "PYTHONOPTIMIZE")
_SET = {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1", "PYTHONNOUSERSITE": "1"}


@dataclass(frozen=True, slots=True)
class Machine:
    """What the launch depends on beside the settings."""

    interpreter: str  # of the training environment
    cpu: bool  # no GPU can be used
    threads: int  # CPU threads for each process
    port: int | None = None  # where several processes meet


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything a run is started from."""

    argv: tuple[str, ...]
    folder: Path
    environment: dict[str, str | None]
    accelerate: str  # text of the run's accelerate.yaml
    output: Path
    metrics: str
    steps: int
    notes: tuple[str, ...] = ()


def build(
    settings: Settings,
    run: RunFolder,
    machine: Machine,
    *,
    trainer: str,
    extra: Sequence[str],
    variables: Mapping[str, str],
    working: Path,
) -> Launch:
    """The launch of a run. Nothing is written or started. Raises UsageError for ARGS that cannot be understood."""
    settings, notes = _for_machine(settings, machine)
    output = _output(settings, run, trainer, extra, working)
    start: list[str]
    if trainer == "checkout":
        assert settings.checkout is not None
        folder = settings.checkout / CHECKOUT_TREES[settings.variant]
        start = [CHECKOUT_SCRIPTS[settings.variant], *checkout_arguments(settings, output, extra)]
    else:
        folder = working
        start = [str(run.code / STARTER), *bundled_arguments(settings, output, extra)]
    launcher = [machine.interpreter, "-I", "-m", "accelerate.commands.launch", "--config_file", str(run.accelerate)]
    launcher += ["--num_cpu_threads_per_process", str(machine.threads)]
    environment, removed = _environment(settings, machine, variables)
    if removed:
        notes.append(
            _("not passed on to the training: {removed} (the run's own settings hold)", removed=", ".join(removed))
        )
    metrics = str(output / METRICS) if trainer == "bundled" else ""
    return Launch(
        (*launcher, *start),
        folder,
        environment,
        accelerate_text(settings, machine),
        output,
        metrics,
        steps_of(settings, extra),
        tuple(notes),
    )


def accelerate_text(settings: Settings, machine: Machine) -> str:
    """The run's accelerate.yaml. Precision is quoted: YAML reads a bare `no` as false, and accelerate then fails."""
    several = settings.num_processes > 1 and not machine.cpu
    rows = {
        "compute_environment": "LOCAL_MACHINE",
        "debug": "false",
        "distributed_type": "MULTI_GPU" if several else "'NO'",
        "downcast_bf16": "'no'",
        "gpu_ids": "all",
        "machine_rank": "0",
        "main_process_port": str(machine.port) if several and machine.port else "null",
        "main_training_function": "main",
        "mixed_precision": f"'{settings.mixed_precision}'",
        "num_machines": "1",
        "num_processes": str(settings.num_processes),
        "rdzv_backend": "static",
        "same_network": "true",
        "use_cpu": "true" if machine.cpu else "false",
    }
    return _("# Of this one run; written by dualano-doctor.\n") + "".join(
        f"{key}: {row}\n" for key, row in rows.items()
    )


def uses_cpu(sheet: FactSheet) -> bool:
    """Whether the training can only run on the CPU. What could not be looked at is left to accelerate to find out."""
    torch = sheet.environment.value.torch if isinstance(sheet.environment, Known) else None
    if torch and torch.cuda is None and torch.hip is None:
        return True
    if not isinstance(sheet.gpus, Known):
        return isinstance(sheet.gpus, Absent)
    gpus = sheet.gpus.value
    return not gpus.devices or gpus.visible in ((), ("",), ("-1",))


def threads_for_each(processes: int, variables: Mapping[str, str]) -> int:
    """CPU threads for each process: OMP_NUM_THREADS where it is set, else all cores this program may use, divided."""
    said = variables.get("OMP_NUM_THREADS", "")
    if said.isdigit() and int(said) > 0:
        return int(said)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // processes)


def _for_machine(settings: Settings, machine: Machine) -> tuple[Settings, list[str]]:
    if machine.cpu and settings.num_processes > 1:
        note = _(
            "one process instead of {num_processes}: accelerate starts unconnected ones on a CPU",
            num_processes=settings.num_processes,
        )
        return replace(settings, num_processes=1), [note]
    return settings, []


def _output(settings: Settings, run: RunFolder, trainer: str, extra: Sequence[str], working: Path) -> Path:
    """Where weights and checkpoints will be; a relative path is relative to the trainer's working folder."""
    said = value_of("--output_dir", extra)
    if said is None and settings.output is not None:
        return settings.output
    if trainer == "checkout":
        assert settings.checkout is not None
        tree = settings.checkout / CHECKOUT_TREES[settings.variant]
        if said is not None:
            return tree / said
        # The authors' inference scripts look below the folder they are started in for all_generate/: the run's.
        names = (settings.category or "category", settings.anomaly or "anomaly")
        return results_of(settings.project, run.name).joinpath("all_generate", *names)
    return working / said if said is not None else results_of(settings.project, run.name)


def removed_variables(variables: Mapping[str, str]) -> list[str]:
    """The variables that no training process may inherit: other code, or settings beside the run's own."""
    return sorted({*_REMOVED, *(name for name in variables if name.startswith("ACCELERATE_"))})


def _environment(
    settings: Settings, machine: Machine, variables: Mapping[str, str]
) -> tuple[dict[str, str | None], list[str]]:
    """The variables to set (None: to remove), and the names of the removed ones that had a value."""
    removed = removed_variables(variables)
    delta: dict[str, str | None] = dict.fromkeys(removed)
    delta |= _SET
    delta["PATH"] = os.pathsep.join([str(Path(machine.interpreter).parent), variables.get("PATH", os.defpath)])
    if settings.offline:
        delta |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    return delta, [name for name in removed if variables.get(name)]
