"""One training run from its configuration to its exit status."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import torch

from .arguments import TrainingConfig
from .assembly import assemble
from .data import TrainingSet
from .environment import describe_device, join_processes, quieten_libraries, set_up_torch
from .interrupt import Interrupt
from .loading import ModelLoader
from .loop import Loop
from .metrics import Reporter
from .plan import Planner
from .state import Checkpoint, check_same_run, find_checkpoint


def run(config: TrainingConfig, notices: Sequence[str] = ()) -> int:
    """Train.

    Returns:
        Exit status: 0, or 128 + signal when interrupted.

    Raises:
        TrainerError: something given cannot be used, or the training diverged.
    """
    quieten_libraries()
    processes = join_processes()
    device, dtype = set_up_torch(config, processes)
    main = processes.is_main_process
    loader = ModelLoader(config.pretrained_model_name_or_path, config.revision)
    data = make_data(config)
    checkpoint, found = resume_point(config)
    planner = Planner(
        len(data),
        config.train_batch_size,
        config.gradient_accumulation_steps,
        processes.num_processes,
        processes.process_index,
        config.seed,
        config.flips,
        config.faithful,
    )
    identity = run_identity(config, data, planner)
    if checkpoint is not None:
        found += check_same_run(checkpoint.run, identity)
    if main:
        config.output_dir.mkdir(parents=True, exist_ok=True)
        say(describe_run(config, data, planner, describe_device(device), dtype, checkpoint))
        for notice in (*notices, *found):
            say(f"note: {notice}")
    start = checkpoint.step if checkpoint else 0
    weights = checkpoint.weights() if checkpoint else None
    training = assemble(config, data, planner, loader, device=device, dtype=dtype, start=start, weights=weights)
    if checkpoint is not None:
        training.optimizer.load(checkpoint.optimizer())
    reporter = Reporter(
        config.output_dir,
        start=start,
        total=config.max_train_steps,
        tensorboard=config.output_dir / config.logging_dir if config.report_to == "tensorboard" else None,
        active=main,
    )
    for notice in (*training.notices, *filter(None, [reporter.warning])):
        reporter.message(f"note: {notice}")
    try:
        with Interrupt() as interrupt:
            return Loop(config, training, reporter, interrupt, identity, device, processes).run(start)
    finally:
        reporter.close()


def make_data(config: TrainingConfig) -> TrainingSet:
    """The run's images."""
    return TrainingSet(
        config.instance_data_dir,
        condition_dir=config.condition_dir if config.variant == "bcm" else None,
        resolution=config.resolution,
        variant="bcm" if config.variant == "bcm" else "dual",
        center_crop=config.center_crop,
        selection=config.selection,
        faithful=config.faithful,
        mask_dir=config.mask_dir,
    )


def resume_point(config: TrainingConfig) -> tuple[Checkpoint | None, list[str]]:
    """Where to go on, and notices."""
    if config.resume_from_checkpoint is None:
        return None, []
    return find_checkpoint(config.output_dir, config.resume_from_checkpoint)


def run_identity(config: TrainingConfig, data: TrainingSet, planner: Planner) -> dict[str, Any]:
    """What the trajectory depends on; kept in each checkpoint and compared when resuming."""
    names = (
        "variant", "rank", "train_text_encoder", "seed", "resolution", "flips", "center_crop", "faithful",
        "learning_rate", "lr_scheduler", "lr_warmup_steps", "use_8bit_adam", "prompt_blend", "prompt_fg",
    )  # fmt: skip
    batch = planner.batch_size * planner.accumulation * planner.processes
    files = [path.name for path in data.files]
    return {name: getattr(config, name) for name in names} | {"samples_per_step": batch, "files": files}


def describe_run(
    config: TrainingConfig,
    data: TrainingSet,
    planner: Planner,
    device: str,
    dtype: torch.dtype,
    checkpoint: Checkpoint | None,
) -> str:
    """A few lines that say what is about to happen."""
    batch = planner.batch_size * planner.accumulation * planner.processes
    begin = f"step {checkpoint.step} of {checkpoint.folder}" if checkpoint else "step 0"
    return (
        f"Training {config.variant}, rank {config.rank}, on {len(data)} images of {config.instance_data_dir}\n"
        f"  ({', '.join(path.name for path in data.files)})\n"
        f"  {config.max_train_steps} steps from {begin}; {batch} samples a step = {planner.batch_size} a pass"
        f" x {planner.accumulation} passes x {planner.processes} processes\n"
        f"  on {device}, {str(dtype).removeprefix('torch.')}; output in {config.output_dir}"
    )


def say(text: str) -> None:
    """Print to stderr; stdout stays free."""
    print(text, file=sys.stderr, flush=True)
