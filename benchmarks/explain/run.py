"""How long `dualano-doctor explain` takes, and how much memory, on large logs of several kinds.

    python benchmarks/explain/run.py [MEGABYTES]

Each log ends with a known failure, which must be named. The whole process is timed, start-up included.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ERROR = (
    b'\nTraceback (most recent call last):\n  File "t.py", line 1\nValueError: Attempting to unscale FP16 gradients.\n'
)
WORDS = (
    "loading",
    "model",
    "data",
    "batch",
    "epoch",
    "saved",
    "error",
    "checkpoint",
    "from",
    "config",
    "worker",
    "page",
)


def bars() -> Iterator[bytes]:
    for i in range(10**9):
        bar = "#" * (i % 11)
        yield f"Steps: {i % 100:3}%|{bar:10}| {i}/900000000 [10:25<1:33:45, 1.25s/it, loss=0.{i % 9973}]\r".encode()


def distinct_lines() -> Iterator[bytes]:
    chosen = random.Random(0)
    while True:
        yield (f"DEBUG {chosen.randbytes(30).hex()} " + " ".join(chosen.choices(WORDS, k=7)) + "\n").encode()


def one_failure() -> Iterator[bytes]:
    for i in range(10**9):
        yield f"[rank{i % 8}]: ValueError: Attempting to unscale FP16 gradients. {i}\n".encode()


def one_line() -> Iterator[bytes]:
    chosen = random.Random(0)
    while True:
        yield chosen.randbytes(30_000).hex().encode() + b" "


def coloured() -> Iterator[bytes]:
    for i in range(10**9):
        words = f"step {i} of the training, error {i % 97 / 97:.4f}"
        yield f"\x1b[2K\x1b[1m[{i}]\x1b[0m \x1b[32mINFO\x1b[0m {words}\n".encode()


def write(file: Path, kind: Iterator[bytes], size: int) -> None:
    written = 0
    with file.open("wb") as stream:
        while written < size:
            written += stream.write(next(kind))
        stream.write(ERROR)


def main() -> None:
    size = int(float(sys.argv[1] if len(sys.argv) > 1 else "100") * 1e6)
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")}
    for kind in (bars, distinct_lines, one_line, coloured, one_failure):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "log.txt"
            write(file, kind(), size)
            began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [sys.executable, "-m", "dualano_setup", "explain", str(file), "--json"]
            done = subprocess.run(command, capture_output=True, check=False, env=environment)
            seconds = time.perf_counter() - began
            assert json.loads(done.stdout)["root"] == "unscale-fp16", done.stdout + done.stderr
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            processor = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
            print(
                f"{kind.__name__:15} {size / 1e6:6.0f} MB  {seconds:6.2f} s ({processor:.2f} s of processor time)  "
                f"highest memory so far {used.ru_maxrss / 1024:.0f} MiB"
            )


if __name__ == "__main__":
    main()
