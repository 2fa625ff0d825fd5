"""Measures one setting in this process."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
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
from trainer.train.assembly import assemble_all
from trainer.train.config import parse_types
from trainer.train.data import make_data
from trainer.train.environment import Run, join_processes, set_up_torch
from trainer.train.loop import Loop, take_steps
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
        configs, _ = parse_types(command_line(root, size, setting))
        config = configs[0]
        processes = join_processes()
        device, dtype = set_up_torch(config, processes)
        begun = time.perf_counter()
        data = make_data(config)
        planner = Planner(len(data), config.train_batch_size, config.gradient_accumulation_steps, seed=config.seed)
        model = RandomModel(size, device)
        if setting.naive:
            take = NaiveStep(config, data, planner, model, device)
        else:
            take = product_step(
                [
                    Run(own, device, dtype, processes, model, data, replace(planner, seed=own.seed), {})
                    for own in configs
                ]  # type: ignore[arg-type]
            )
        setup = time.perf_counter() - begun
        row = time_steps(take, device, seconds)
        samples = config.train_batch_size * config.gradient_accumulation_steps * setting.types
        return {
            "setting": setting.name,
            "samples": samples,
            "types": setting.types,
            "ms_per_sample": row["ms_per_step"] / samples,
            "setup_seconds": setup,
            **row,
        }


def product_step(runs: Sequence[Run]) -> Callable[[int], float | None]:
    """The trainer's own loop, one step (of every type) at a time, metrics file included; the first type's loss."""
    loops, every = [], []
    for run, training in zip(runs, assemble_all(runs, [0] * len(runs), [None] * len(runs)), strict=True):
        run.config.output_dir.mkdir(parents=True)
        reporter = Reporter(run.config.output_dir, start=0, total=10**6, tensorboard=None, active=True)
        every.append(StepReports(run, reporter))
        loops.append(Loop(run, training, every[-1], Interrupt()))
    losses: list[float] = []
    every[0].reporter.step = lambda metrics: losses.append(metrics.loss)  # type: ignore[method-assign]

    def take(step: int) -> float | None:
        for reports, queued in zip(every, take_steps(loops, [step] * len(loops)), strict=True):
            reports.add(queued)
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
    own = []
    for number in range(setting.types):
        images = root / "data" / "widget" / "test" / ("scratch" if number == 0 else f"scratch{number}")
        own += [
            "--instance_data_dir",
            str(images),
            "--output_dir",
            str(root / f"out{number}"),
            "--seed",
            str(1 + number),
        ]
    return [
        "--pretrained_model_name_or_path", "random", *own, "--condition_dir", str(root / "masks"), "--selection", "all",
        "--resolution", str(size.resolution), "--max_train_steps", "100000", "--report_to", "none", *setting.flags,
    ]  # fmt: skip
