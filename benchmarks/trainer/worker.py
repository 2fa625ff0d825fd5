"""Measures one setting in this process."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.trainer.naive_step import NaiveStep
from benchmarks.trainer.pictures import make_pictures
from benchmarks.trainer.random_model import QUICK, RandomModel, Size
from benchmarks.trainer.settings import Setting
from trainer.base_model.loading import quieten_libraries
from trainer.cli.interrupt import Interrupt
from trainer.data.batches import Planner
from trainer.run_folder.metrics import Reporter
from trainer.train.assembly import assemble
from trainer.train.config import parse_arguments
from trainer.train.data import make_data
from trainer.train.environment import Run, join_processes, set_up_torch
from trainer.train.loop import Loop
from trainer.train.reports import StepReports

#: Losses kept for comparing settings, and steps before the clock starts.
KEPT = 3


def measure(setting: Setting, *, quick: bool, seconds: float) -> dict:
    """One row: set-up time, ms per step, peak memory, first losses."""
    quieten_libraries()
    with tempfile.TemporaryDirectory(prefix="dualano-benchmark-") as folder:
        root = Path(folder)
        size = QUICK if quick else Size()
        make_pictures(root, pixels=256 if quick else 1024)
        config, _ = parse_arguments(command_line(root, size, setting))
        processes = join_processes()
        device, dtype = set_up_torch(config, processes)
        begun = time.perf_counter()
        data = make_data(config)
        planner = Planner(len(data), config.train_batch_size, config.gradient_accumulation_steps, seed=config.seed)
        model = RandomModel(size, device)
        if setting.naive:
            take = NaiveStep(config, data, planner, model, device)
        else:
            take = product_step(Run(config, device, dtype, processes, model, data, planner, {}))  # type: ignore[arg-type]
        setup = time.perf_counter() - begun
        row = time_steps(take, device, seconds)
        samples = config.train_batch_size * config.gradient_accumulation_steps
        return {
            "setting": setting.name,
            "samples": samples,
            "ms_per_sample": row["ms_per_step"] / samples,
            "setup_seconds": setup,
            **row,
        }


def product_step(run: Run) -> Callable[[int], float | None]:
    """The trainer's own loop, one step at a time, metrics file included."""
    training = assemble(run, start=0, weights=None)
    run.config.output_dir.mkdir(parents=True)
    reporter = Reporter(run.config.output_dir, start=0, total=10**6, tensorboard=None, active=True)
    reports = StepReports(run, reporter)
    loop = Loop(run, training, reports, Interrupt())
    losses: list[float] = []
    reporter.step = lambda metrics: losses.append(metrics.loss)  # type: ignore[method-assign]

    def take(step: int) -> float | None:
        reports.add(loop.take_step(step))
        # One step late, as the loop reads it, so that the device never waits.
        return losses[step - 1] if step else None

    return take


def time_steps(take: Callable[[int], float | None], device: torch.device, seconds: float) -> dict:
    """Warm up, then take steps for about `seconds`."""

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()

    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    clock = time.perf_counter
    begun = clock()
    values = [take(0)]
    wait()
    first = clock() - begun
    values += [take(step) for step in range(1, KEPT + 1)]
    wait()
    steps, begun = 0, clock()
    while clock() - begun < seconds or steps < 3:
        take(KEPT + 1 + steps)
        steps += 1
        if steps % 5 == 0:
            wait()
    wait()
    elapsed = clock() - begun
    losses = [value for value in values if value is not None][:KEPT]
    peak = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else None
    return {
        "ms_per_step": 1000 * elapsed / steps,
        "steps": steps,
        "first_step_seconds": first,
        "peak_gib": peak,
        "reserved_gib": torch.cuda.max_memory_reserved() / 2**30 if device.type == "cuda" else None,
        "losses": losses,
    }


def command_line(root: Path, size: Size, setting: Setting) -> list[str]:
    """The trainer's flags for a setting; the model is random, so its path is not read."""
    images = root / "data" / "widget" / "test" / "scratch"
    return [
        "--pretrained_model_name_or_path", "random", "--instance_data_dir", str(images),
        "--condition_dir", str(root / "masks"), "--output_dir", str(root / "out"), "--selection", "all",
        "--resolution", str(size.resolution), "--max_train_steps", "100000", "--seed", "1",
        "--report_to", "none", *setting.flags,
    ]  # fmt: skip
