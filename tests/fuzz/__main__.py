"""`python -m tests.fuzz TARGET --seconds 1800`: random edits of the corpus until the time is over.

Prints executions, executions per second and the slowest input; an input that fails is written to `--found` and the
run goes on. Exit status 1 when any failed.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import time
import traceback
import warnings
from pathlib import Path

from tests.fuzz.mutation import mutated, seeds
from tests.fuzz.targets import TARGETS

SECONDS_EACH = 1.0
"""Processor time of one input; more is a finding."""


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--found", type=Path, default=Path("fuzz-found"), help="where failing inputs are put")
    options = parser.parse_args()
    target, inputs = TARGETS[options.target], seeds(options.target)
    warnings.simplefilter("ignore")  # a source under edit warns of its own escapes
    chance, kinds = random.Random(options.seed), set[str]()
    for data in inputs:
        target.take(data)  # imports and caches are not part of an input's time
    count, slowest, began = 0, 0.0, time.monotonic()
    while time.monotonic() - began < options.seconds:
        data = mutated(chance, inputs, target.words)
        kind, start = "", time.process_time()
        try:
            target.take(data)
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}: {str(error)[:120]}"
        took = time.process_time() - start
        if took > SECONDS_EACH:
            kind = kind or f"took {took:.1f} s"
        count, slowest = count + 1, max(slowest, took)
        place = kind.split(": ")[0]
        if kind and place not in kinds:
            kinds.add(place)
            options.found.mkdir(parents=True, exist_ok=True)
            file = options.found / f"{options.target}-{hashlib.sha256(data).hexdigest()[:8]}"
            file.write_bytes(data)
            print(f"{file}: {kind}", flush=True)
    spent = time.monotonic() - began
    print(f"{options.target}: {count} executions in {spent / 60:.1f} min, {count / spent:.0f}/s, "
          f"slowest {slowest:.3f} s, {len(kinds)} kinds of failure")  # fmt: skip
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
