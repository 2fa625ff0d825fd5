"""One training run from its configuration to its exit status."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import fields

from ..base_model.loading import ModelLoader, quieten_libraries
from ..cli.interrupt import Interrupt
from ..data.batches import Planner
from ..data.dataset import TrainingSet
from ..generate.thumbnails import keep_small_real
from ..run_folder.boards import TRACKERS, Board, TensorBoard, Tracked, require_tracker
from ..run_folder.checkpoints import Checkpoint
from ..run_folder.folder import claimed
from ..run_folder.metrics import Reporter
from .assembly import Training, assemble
from .config import TrainingConfig
from .environment import Run, describe_device, join_processes, set_up_torch
from .loop import Loop
from .reports import StepReports
from .resume import check_same_run, find_checkpoint, refuse_other_runs, run_identity
from .sample_sheets import SampleSheets, prepare_sheets

#: File names in the first lines of a run; checkpoints name all of them.
SHOWN = 20


def run(config: TrainingConfig, data: TrainingSet, notices: Sequence[str] = ()) -> int:
    """Train on these images.

    Returns:
        Exit status: 0, or 128 + signal when interrupted.

    Raises:
        TrainerError: something given cannot be used, or the training diverged.
    """
    quieten_libraries()
    require_tracker(config.report_to)
    this = settle(config, data)
    with claimed(config.output_dir) if this.is_first else nullcontext():
        checkpoint, found = find_checkpoint(config.output_dir, config.resume_from_checkpoint)
        start, weights = 0, None
        if checkpoint is not None:
            found += check_same_run(checkpoint.run, this.identity)
            start, weights = checkpoint.step, checkpoint.weights()
        refuse_other_runs(config.output_dir, start, this.identity)
        if this.is_first:
            say(describe_run(this, checkpoint))
            for notice in (*notices, *found):
                say(f"note: {notice}")
            keep_small_real(((item.image, item.mask) for item in data.items), config.output_dir)
        training = assemble(this, start, weights)
        if checkpoint is not None:
            training.optimizer.load(checkpoint.optimizer())
        sheets = prepare_sheets(this, training) if config.validation_steps and this.is_first else None
        return take_steps(this, training, sheets, start)


def settle(config: TrainingConfig, data: TrainingSet) -> Run:
    """Everything about a run that is known before anything large is loaded."""
    processes = join_processes()
    device, dtype = set_up_torch(config, processes)
    loader = ModelLoader(config.pretrained_model_name_or_path, config.revision)
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
    identity = run_identity(config, data, planner, dtype)
    return Run(config, device, dtype, processes, loader, data, planner, identity)


def take_steps(run: Run, training: Training, sheets: SampleSheets | None, start: int) -> int:
    """The steps from `start` on, with reports and signals; returns the exit status."""
    config = run.config
    board, warning = open_board(run, start) if run.is_first else (None, None)
    reporter = Reporter(
        config.output_dir,
        start=start,
        total=config.max_train_steps,
        board=board,
        active=run.is_first,
    )
    for notice in (*training.notices, *filter(None, [warning])):
        reporter.message(f"note: {notice}")
    try:
        with Interrupt() as interrupt:
            return Loop(run, training, StepReports(run, reporter), interrupt, sheets).run(start)
    finally:
        reporter.close()


def open_board(run: Run, start: int) -> tuple[Board | None, str | None]:
    """Where `--report_to` wants the numbers, or why TensorBoard, which nobody asked for by name, is off.

    Raises:
        TrainerError: a tracker that was asked for does not start.
    """
    config = run.config
    if config.report_to in TRACKERS:
        told = {field.name: getattr(config, field.name) for field in fields(config)}
        plain = {name: value if isinstance(value, (int, float, str)) else str(value) for name, value in told.items()}
        return Tracked(config.report_to, config.output_dir, plain), None
    if config.report_to != "tensorboard":
        return None, None
    try:
        return TensorBoard(config.output_dir / config.logging_dir, start), None
    except Exception as error:  # old tensorboards fail in many ways under a new numpy or protobuf
        return None, f"TensorBoard is off ({error}); metrics.jsonl is written all the same"


def describe_run(run: Run, checkpoint: Checkpoint | None) -> str:
    """A few lines that say what is about to happen."""
    config, planner = run.config, run.planner
    batch = planner.batch_size * planner.accumulation * planner.processes
    begin = f"step {checkpoint.step} of {checkpoint.folder}" if checkpoint else "step 0"
    return (
        f"Training {config.variant}, rank {config.rank}, on {len(run.data)} images of {config.instance_data_dir}\n"
        f"  ({named(path.name for path in run.data.files)})\n"
        f"  {config.max_train_steps} steps from {begin}; {batch} samples a step = {planner.batch_size} a pass"
        f" x {planner.accumulation} passes x {planner.processes} processes\n"
        f"  on {describe_device(run.device)}, {str(run.dtype).removeprefix('torch.')}; output in {config.output_dir}"
    )


def named(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return ", ".join(every[:SHOWN]) + more


def say(text: str) -> None:
    """Print to stderr; stdout stays free."""
    print(text, file=sys.stderr, flush=True)
