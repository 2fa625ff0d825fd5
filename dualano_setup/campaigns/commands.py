"""The command of each step: an ordinary `dualano-doctor train|generate|masks|export|evaluate`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..settings.options import OPTIONS, Settings
from .plan import Job, Plan

WEIGHTS = ("pytorch_lora_weights.safetensors", "pytorch_lora_weights.bin")
_RESULTS: dict[str, tuple[str, ...]] = {
    "train": WEIGHTS,
    "generate": ("manifest.jsonl",),
    "export": ("export.json",),
    "evaluate": ("evaluation.json",),
}


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a campaign's jobs are, and which folder each committed step of them left."""

    root: Path

    def job(self, name: str) -> Path:
        """The folder of a job."""
        return self.root / "jobs" / name

    def result(self, name: str, commit: Mapping[str, Any]) -> Path:
        """What a committed step left."""
        return self.job(name) / str(commit["folder"])


def argv(plan: Plan, job: Job, step: str, output: Path, inputs: Mapping[str, Path], again: int = 0) -> list[str]:
    """The command line of a step.

    Args:
        inputs: folders of what it works on: "train" for generate, "generate" for masks, and for export and evaluate
            the ids of anomalies' jobs, with their lists of training images.
        again: how often it ran out of memory before.
    """
    make = {"train": _train, "generate": _generate, "masks": _masks, "export": _export, "evaluate": _evaluate}[step]
    return [*plan.how["doctor"], *make(plan, job, output, inputs, again)]


def variables(plan: Plan, job: Job, step: str, again: int = 0) -> dict[str, str]:
    """What a step's environment has beyond its parent's."""
    named = {"DUALANO_CATEGORY": job.category, **({"DUALANO_ANOMALY": job.anomaly} if job.anomaly else {})}
    return {**plan.how["variables"], **named, **(smaller(plan, again) if step == "train" else {})}


def smaller(plan: Plan, again: int) -> dict[str, str]:
    """The training settings to try after it ran out of memory `again` times; samples a step stay as they are."""
    settings = plan.wanted["settings"]
    batch, passes = int(settings["batch_size"]), int(settings["gradient_accumulation_steps"])
    changed: dict[str, str] = {}
    for rung in rungs(plan)[:again]:
        if rung == "checkpointing":
            changed["DUALANO_TRAIN_GRADIENT_CHECKPOINTING"] = "true"
        else:
            batch, passes = batch // 2, passes * 2
            changed["DUALANO_TRAIN_BATCH_SIZE"] = str(batch)
            changed["DUALANO_TRAIN_GRADIENT_ACCUMULATION_STEPS"] = str(passes)
    return changed


def rungs(plan: Plan) -> list[str]:
    """What can be made smaller in a training, one after the other."""
    settings = plan.wanted["settings"]
    batch, found = int(settings["batch_size"]), []
    if not settings["gradient_checkpointing"]:
        found.append("checkpointing")
    while batch > 1 and batch % 2 == 0:
        batch //= 2
        found.append("batch")
    return found


def can_shrink(plan: Plan, step: str, again: int) -> bool:
    """Whether there is something smaller to try once more."""
    return again <= {"train": len(rungs(plan)), "generate": len(_PAIRS_AT_ONCE)}.get(step, 0)


def is_there(step: str, folder: Path) -> bool:
    """Whether a step's result is in a folder: an exit status of 0 alone is none."""
    names = _RESULTS.get(step)
    if names is None:  # pairs of which none shows a part have no mask
        return folder.is_dir()
    return any((folder / name).is_file() for name in names)


_PAIRS_AT_ONCE = ("2", "1")  # the sampler's own default is 4


def _train(plan: Plan, _job: Job, output: Path, _inputs: Mapping[str, Path], _again: int) -> list[str]:
    own = ["--output_dir", str(output), "--resume_from_checkpoint", "auto"]
    arguments = plan.wanted["train_arguments"]
    if "--checkpoints_total_limit" not in arguments:
        own += ["--checkpoints_total_limit", "1"]
    return ["train", "--", *own, *arguments]


def _generate(plan: Plan, _job: Job, output: Path, inputs: Mapping[str, Path], again: int) -> list[str]:
    wanted = plan.wanted
    words = ["generate", "--weights", str(inputs["train"]), "--output", str(output)]
    behind = list(wanted["generate_arguments"])
    if plan.how["accepts"]:
        words += ["--accepted", str(wanted["accepted"])]
        words += ["--limit", str(wanted["limit"])] if wanted["limit"] else []
    elif "--num_images" not in behind:
        behind = ["--num_images", str(wanted["accepted"]), *behind]
    behind += ["--batch_size", _PAIRS_AT_ONCE[min(again, len(_PAIRS_AT_ONCE)) - 1]] if again else []
    return [*words, "--", *behind] if behind else words


def _masks(_plan: Plan, _job: Job, output: Path, inputs: Mapping[str, Path], _again: int) -> list[str]:
    return ["masks", "--fg", str(inputs["generate"] / "fg"), "--output", str(output)]


def _export(plan: Plan, _job: Job, output: Path, inputs: Mapping[str, Path], _again: int) -> list[str]:
    """One data set with all anomalies as classes."""
    return ["export", "--format", plan.wanted["format"], "--output", str(output), "--", *_pairs(plan, inputs)]


def _evaluate(plan: Plan, _job: Job, output: Path, inputs: Mapping[str, Path], _again: int) -> list[str]:
    protocol = plan.wanted["protocol"]
    return ["evaluate", *(["--protocol", protocol] if protocol else []), "--json", "--output", str(output), "--",
            *_pairs(plan, inputs, with_category=True)]  # fmt: skip


def _pairs(plan: Plan, inputs: Mapping[str, Path], *, with_category: bool = False) -> list[str]:
    """Which pairs show which anomaly, and what trained for them where all say so."""
    parts = [(job, inputs[job.id]) for job in plan.jobs if job.id in inputs]
    words = []
    for job, folder in parts:
        words += ["--generated", str(folder), *(["--category", job.category] if with_category else [])]
        words += ["--anomaly", job.anomaly]
    lists = [inputs.get(training_list(job.id)) for job, __ in parts]
    return [*words, *(text for file in lists for text in ("--trained_on", str(file)))] if all(lists) else words


def training_list(job: str) -> str:
    """The name under which a job's list of training images is among the inputs."""
    return f"{job}:trained_on"


def variables_of(settings: Settings) -> dict[str, str]:
    """The settings as DUALANO_ variables: a step sees these, whatever dualano.toml says by then."""
    found = {}
    for option in OPTIONS:
        value = getattr(settings, option.key)
        if value is not None and option.key not in ("output", "color", "category", "anomaly"):
            found[option.variable] = str(value).lower() if isinstance(value, bool) else str(value)
    return found
