"""Many trainings side by side, in as many processes as are asked for, until a deadline; what is done by then counts.

    python -m benchmarks.quality.pool --tasks TASKS.json --work DIR --output DIR --processes 12 --seconds 250

TASKS.json: a list of objects with the fields of `work.Task`, the most important first. For each look of each task
`<output>/<task>.<step>.png` has the first 32 pairs, and a JSON their records, for `python -m benchmarks.quality.table`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
import traceback
from pathlib import Path
from typing import Any

from .judge import load_judge
from .spoils import spoilt
from .table import JUDGE, judged
from .work import Task, generate, prepare, save_sheet, train


def main() -> None:
    """Run the pool."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.pool")
    parser.add_argument("--tasks", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=250)
    parser.add_argument("--sampling-seconds", type=float, default=35, help="kept at the end (%(default)s)")
    options = parser.parse_args()
    tasks = [_task(values) for values in json.loads(options.tasks.read_text(encoding="utf-8"))]
    deadline = time.time() + options.seconds
    options.output.mkdir(parents=True, exist_ok=True)
    (options.work / "accepted").mkdir(parents=True, exist_ok=True)
    prepare(options.work, sorted({task.category for task in tasks}))
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    for task in tasks:
        queue.put(task)
    for _ in range(options.processes):
        queue.put(None)
    arguments = (queue, options.work, options.output, deadline, options.sampling_seconds)
    workers = [context.Process(target=_worker, args=arguments) for _ in range(options.processes)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(max(1.0, deadline + 15 - time.time()))
        if worker.is_alive():
            worker.terminate()


def _task(values: dict[str, Any]) -> Task:
    return Task(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def _worker(queue: Any, work: Path, output: Path, deadline: float, kept: float) -> None:
    import torch

    torch.set_num_threads(1)
    judge = load_judge(JUDGE)
    while (task := queue.get()) is not None:
        if time.time() > deadline - kept - 20:
            continue
        log = (output / f"{task.name}.log").open("w")
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            began = time.time()
            with spoilt(task.spoil):
                steps = train(work, task, deadline - kept)
            trained = time.time() - began
            for step in reversed(steps):
                began = time.time()
                with spoilt(task.spoil):
                    folder = generate(work, task, step)
                facts = {"step": step, "train_seconds": trained, "generate_seconds": time.time() - began}
                notes = {name: getattr(task, name) for name in Task.__dataclass_fields__} | facts
                if task.accepted:
                    save_sheet(folder, work / "accepted" / f"{task.name}.{step}", notes)
                target = output / f"{task.name}.{step}"
                save_sheet(folder, target, notes, most=32)
                rows = json.dumps(judged(Path(f"{target}.json"), judge))
                Path(f"{target}.rows.json").write_text(rows, encoding="utf-8")
        except Exception:
            traceback.print_exc()


if __name__ == "__main__":
    main()
