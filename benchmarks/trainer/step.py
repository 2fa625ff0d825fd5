"""Milliseconds and peak memory of a training step, for each way of running it.

    python -m benchmarks.trainer.step [--budget-seconds 540] [--only NAME ...] [--output FILE]
    python -m benchmarks.trainer.step --quick        # reduced width, on the CPU

Random weights at Stable Diffusion 1.5's size, made-up 1024-pixel pictures; nothing is downloaded. Each
setting runs in a process of its own, so that peaks and failures stay its own. `naive-fp32` repeats upstream's
way of working (files and VAE in every step, two passes, one LoRA branch per frame, one optimiser entry per
tensor, reading the loss in every step) on the same random draws: its losses and those of `fp32` agree.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from pathlib import Path

import torch

from benchmarks.trainer.settings import SETTINGS, Setting, named

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Measure all settings, print a table on stderr and one JSON document on stdout."""
    options = parse_options()
    if options.worker:
        from benchmarks.trainer.worker import measure

        row = measure(named(options.worker), quick=options.quick, seconds=options.seconds)
        print(json.dumps(row), flush=True)
        return 0
    chosen = choose(options)
    deadline = time.monotonic() + options.budget_seconds
    rows: list[dict] = []
    for position, setting in enumerate(chosen):
        left = deadline - time.monotonic()
        if left < 15:
            rows.append({"setting": setting.name, "error": "the budget was used up"})
        else:
            share = max(left / (len(chosen) - position), 60.0)
            rows.append(run_worker(setting, options, min(left, 3 * share)))
        print(format_row(rows[-1], rows[0]), file=sys.stderr, flush=True)
        write(options, rows)
    print(document(options, rows))
    return 0 if all("error" not in row for row in rows) else 1


def document(options: argparse.Namespace, rows: list[dict]) -> str:
    """The JSON document so far."""
    return json.dumps({"machine": describe_machine(), "quick": options.quick, "rows": rows}, indent=1)


def write(options: argparse.Namespace, rows: list[dict]) -> None:
    """Keep the output file up to date, so that a run that is cut off leaves what it has measured."""
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(document(options, rows), encoding="utf-8")


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="reduced width; the ratio to `naive` is the point")
    parser.add_argument("--budget-seconds", type=float, default=540.0, help="for everything (540)")
    parser.add_argument("--seconds", type=float, default=8.0, help="of timed steps per setting (8)")
    parser.add_argument("--only", nargs="+", choices=[s.name for s in SETTINGS], help="just these settings")
    parser.add_argument("--output", type=Path, help="write the JSON document here as well")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args()


def choose(options: argparse.Namespace) -> list[Setting]:
    """The settings that this machine and the options allow."""
    if options.only:
        return [setting for setting in SETTINGS if setting.name in options.only]
    if options.quick:
        return [setting for setting in SETTINGS if setting.quick]
    return [setting for setting in SETTINGS if torch.cuda.is_available() or not setting.gpu]


def run_worker(setting: Setting, options: argparse.Namespace, limit: float) -> dict:
    """One setting in its own process, at most `limit` seconds."""
    command = [sys.executable, "-m", "benchmarks.trainer.step", "--worker", setting.name]
    command += ["--seconds", str(options.seconds), *(["--quick"] if options.quick else [])]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=limit, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return {"setting": setting.name, "error": f"took longer than its {limit:.0f} s"}
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        said = [line for line in done.stderr.strip().splitlines() if line.strip()]
        return {"setting": setting.name, "error": said[-1][:400] if said else f"status {done.returncode}"}
    return json.loads(lines[-1])


def format_row(row: dict, first: dict) -> str:
    """A row of the table; the ratio is to the first row, at equal samples."""
    if "error" in row:
        return f"{row['setting']:26} {row['error']}"
    ratio = ""
    if "ms_per_sample" in first and first is not row:
        ratio = f"{first['ms_per_sample'] / row['ms_per_sample']:6.2f}x"
    peak = "" if row["peak_gib"] is None else f"{row['peak_gib']:7.2f} GiB"
    return (
        f"{row['setting']:26} {row['ms_per_step']:9.1f} ms/step  batch {row['samples']}  {peak} {ratio}"
        f"   set-up {row['setup_seconds']:.0f} s, first step {row['first_step_seconds']:.1f} s,"
        f" loss {row['losses'][0]:.6f} .. {row['losses'][-1]:.6f}"
    )


def describe_machine() -> dict:
    """What the numbers were measured on."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor() or "cpu"
    return {"device": device, "torch": torch.__version__, "python": platform.python_version()}


if __name__ == "__main__":
    sys.exit(main())
