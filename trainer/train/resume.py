"""Where a run goes on, and whether the checkpoints in its output folder are its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..data.batches import Planner
from ..data.dataset import TrainingSet
from ..errors import TrainerError
from ..run_folder.checkpoints import STATE_NAME, Checkpoint, checkpoint_folders, open_checkpoint, read_header, step_of
from .config import TrainingConfig

#: Flags that a trajectory depends on. A resumed run may differ in them, and is told so; the first three must agree.
_IDENTITY = (
    "variant", "rank", "train_text_encoder", "seed", "resolution", "flips", "center_crop", "faithful",
    "learning_rate", "lr_scheduler", "lr_warmup_steps", "lr_num_cycles", "lr_power", "use_8bit_adam", "adam_beta1",
    "adam_beta2", "adam_epsilon", "adam_weight_decay", "max_grad_norm", "prompt_blend", "prompt_fg",
)  # fmt: skip


def find_checkpoint(output: Path, wish: str | None) -> tuple[Checkpoint | None, list[str]]:
    """The checkpoint that `--resume_from_checkpoint` asks for.

    Args:
        output: the output folder.
        wish: `latest`, `auto` or a checkpoint folder (also by its bare name); None to start anew.

    Returns:
        The checkpoint (None without a wish, and for `auto` where there is no checkpoint folder at all), and
        notices about damaged ones that were passed over.

    Raises:
        TrainerError: there is none that is complete.
    """
    if wish is None:
        return None, []
    if wish not in ("latest", "auto"):
        named = [path for path in (Path(wish), output / wish) if path.is_dir()]
        if not named:
            raise TrainerError(f"The checkpoint {wish} does not exist; {_what_there_is(output)}.")
        return open_checkpoint(named[0]), []
    folders = checkpoint_folders(output)
    notices: list[str] = []
    for folder in reversed(folders):
        try:
            return open_checkpoint(folder), notices
        except TrainerError as error:
            notices.append(str(error))
    if wish == "auto" and not folders:
        return None, [f"no checkpoint in {output} yet: starting from step 0"]
    raise TrainerError(
        " ".join([f"Nothing to resume from: {_what_there_is(output)}, none of them complete.", *notices])
        if folders
        else f"Nothing to resume from: {_what_there_is(output)}. Leave --resume_from_checkpoint out to "
        "start from step 0."
    )


def run_identity(config: TrainingConfig, data: TrainingSet, planner: Planner, dtype: torch.dtype) -> dict[str, Any]:
    """What the trajectory depends on; kept in each checkpoint and compared when resuming."""
    constant = config.lr_scheduler.startswith("constant")
    return {name: getattr(config, name) for name in _IDENTITY} | {
        "lr_total_steps": None if constant else config.max_train_steps,
        "precision": str(dtype).removeprefix("torch."),
        "samples_per_step": planner.batch_size * planner.accumulation * planner.processes,
        "model": Path(config.pretrained_model_name_or_path).name,
        # With the folders that say category and anomaly: file names repeat in every one of them.
        "files": ["/".join(path.absolute().parts[-4:]) for path in data.files],
    }


def check_same_run(saved: Mapping[str, Any], run: Mapping[str, Any]) -> list[str]:
    """Compare what two runs depend on.

    Returns:
        A notice for each difference that changes the trajectory but can be wanted.

    Raises:
        TrainerError: the weights do not fit.
    """
    differs = _differences(saved, run)
    fatal = [key for key in differs if key in _IDENTITY[:3]]
    if fatal:
        pairs = ", ".join(f"{key} was {saved[key]!r}, now {run[key]!r}" for key in fatal)
        raise TrainerError(f"The checkpoint belongs to another kind of run: {pairs}. Use the same flags.")
    return [f"resuming with another {key}: was {saved[key]!r}, now {run[key]!r}" for key in differs]


def refuse_other_runs(output: Path, start: int, run: Mapping[str, Any]) -> None:
    """Keep two runs from mixing: fail when `output` holds later checkpoints that this run would not write itself.

    Resuming would one day take them for this run's, or this run would write over them.

    Args:
        output: the output folder.
        start: the step from which this run goes on.
        run: what this run depends on.

    Raises:
        TrainerError: names the checkpoint and what differs.
    """
    for folder in (path for path in checkpoint_folders(output) if step_of(path) > start):
        try:
            saved = read_header(folder)[2]
            reasons = [f"{key} was {saved[key]!r}, now {run[key]!r}" for key in _differences(saved, run)]
        except TrainerError:
            # A run that goes on has passed it over, with a notice.
            reasons = [] if start else [f"it has no {STATE_NAME} that can be read"]
        if reasons:
            raise TrainerError(
                f"{folder} belongs to another run ({', '.join(reasons)}), and this one starts at step {start}, "
                "so it would one day write over it. Give another --output_dir, or move that checkpoint away."
            )


def _differences(saved: Mapping[str, Any], run: Mapping[str, Any]) -> list[str]:
    """The keys in which two runs differ, as far as both record them."""
    return [key for key in run if key in saved and saved[key] != run[key]]


def _what_there_is(output: Path) -> str:
    """What checkpoints a folder has, for a message."""
    names = [path.name for path in checkpoint_folders(output)]
    return f"{output} holds {', '.join(names)}" if names else f"{output} holds no checkpoint-<step> folder"
