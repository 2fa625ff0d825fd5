"""One training run from its configuration to its exit status."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
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
from ..weights.adapter_file import write_final_weights
from .assembly import assemble_all
from .config import TrainingConfig
from .environment import Run, describe_device, join_processes, set_up_torch
from .loop import Loop, nothing_left
from .reports import StepReports
from .resume import check_same_run, find_checkpoint, refuse_other_runs, run_identity
from .sample_sheets import prepare_sheets
from .together import Together

#: File names in the first lines of a run; checkpoints name all of them.
SHOWN = 20


def run(config: TrainingConfig, data: TrainingSet, notices: Sequence[str] = ()) -> int:
    """`run_all` of one anomaly type."""
    return run_all([config], [data], notices)


def run_all(configs: Sequence[TrainingConfig], datas: Sequence[TrainingSet], notices: Sequence[str] = ()) -> int:
    """Train on these images: a run for each anomaly type, with a folder of its own, all on one network.

    Returns:
        Exit status: 0, or 128 + signal when interrupted; of several 1 where one failed, though the others went on.

    Raises:
        TrainerError: something given cannot be used, or the training diverged.
    """
    quieten_libraries()
    require_tracker(configs[0].report_to)
    runs = [settle(config, data) for config, data in zip(configs, datas, strict=True)]
    with ExitStack() as claims:
        if runs[0].is_first:
            for this in runs:
                claims.enter_context(claimed(this.config.output_dir))
        begun = [begin(this) for this in runs]
        if runs[0].is_first:
            for this, (checkpoint, _) in zip(runs, begun, strict=True):
                say(describe_run(this, checkpoint))
                keep_small_real(((item.image, item.mask) for item in this.data.items), this.config.output_dir)
            for notice in (*notices, *(notice for _, found in begun for notice in found)):
                say(f"note: {notice}")
        if len(runs) > 1:
            rows = [row for row in zip(runs, begun, strict=True) if not finished(*row)]
            runs, begun = [this for this, _ in rows], [found for _, found in rows]
        return train_all(runs, [checkpoint for checkpoint, _ in begun]) if runs else 0


def begin(run: Run) -> tuple[Checkpoint | None, list[str]]:
    """The checkpoint that a run goes on from, and notices.

    Raises:
        TrainerError: it cannot, or it would write over another run's.
    """
    checkpoint, found = find_checkpoint(run.config.output_dir, run.config.resume_from_checkpoint)
    if checkpoint is not None:
        found += check_same_run(checkpoint.run, run.identity)
    refuse_other_runs(run.config.output_dir, checkpoint.step if checkpoint else 0, run.identity)
    return checkpoint, found


def finished(run: Run, begun: tuple[Checkpoint | None, list[str]]) -> bool:
    """Whether one of several has taken all its steps before; then its weights are there, too."""
    checkpoint, config = begun[0], run.config
    if checkpoint is None or checkpoint.step < config.max_train_steps:
        return False
    if run.is_first:
        say(f"{config.output_dir}: {nothing_left(checkpoint.step, config.max_train_steps)}")
        write_final_weights(config.output_dir, checkpoint.weights(), config.output_format)
    return True


def train_all(runs: Sequence[Run], checkpoints: Sequence[Checkpoint | None]) -> int:
    """Load, and take the steps that are left; returns the exit status."""
    starts = [checkpoint.step if checkpoint else 0 for checkpoint in checkpoints]
    trainings = assemble_all(runs, starts, [found.weights() if found else None for found in checkpoints])
    for training, checkpoint in zip(trainings, checkpoints, strict=True):
        if checkpoint is not None:
            training.optimizer.load(checkpoint.optimizer())
    sheets = [
        prepare_sheets(this, training) if this.config.validation_steps and this.is_first else None
        for this, training in zip(runs, trainings, strict=True)
    ]
    several = len(runs) > 1
    with ExitStack() as stack:
        reporters = []
        for this, training, start in zip(runs, trainings, starts, strict=True):
            board, warning = open_board(this, start) if this.is_first else (None, None)
            reporter = make_reporter(this, start, board, this.config.instance_data_dir.name if several else "")
            stack.callback(reporter.close)
            for notice in (*training.notices, *filter(None, [warning])):
                reporter.message(f"note: {notice}")
            reporters.append(StepReports(this, reporter))
        interrupt = stack.enter_context(Interrupt())
        if several:
            return Together(runs, trainings, reporters, sheets, starts, interrupt).run()
        return Loop(runs[0], trainings[0], reporters[0], interrupt, sheets[0]).run(starts[0])


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


def make_reporter(run: Run, start: int, board: Board | None, name: str) -> Reporter:
    """Where a run's steps are reported."""
    config = run.config
    return Reporter(
        config.output_dir,
        start=start,
        total=config.max_train_steps,
        board=board,
        active=run.is_first,
        name=name,
    )


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
