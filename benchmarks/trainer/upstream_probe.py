"""Runs the authors' training script as it is, times its optimiser steps, and ends it after some.

    python upstream_probe.py REPORT STEPS SCRIPT [ARGS ...]

Needs nothing but torch, since it runs in the authors' own environment.
"""

from __future__ import annotations

import itertools
import json
import runpy
import sys
import time
from pathlib import Path
from typing import Any

import torch


def main() -> None:
    """Put a clock into AdamW and run the script."""
    report, steps, script = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    moments: list[float] = []
    plain = torch.optim.AdamW.step

    def step(self: Any, *args: Any, **options: Any) -> Any:
        result = plain(self, *args, **options)
        cuda = torch.cuda.is_available()
        if cuda:
            torch.cuda.synchronize()
        moments.append(time.perf_counter())
        if len(moments) > steps:
            seconds = [after - before for before, after in itertools.pairwise(moments)]
            peak = torch.cuda.max_memory_allocated() / 2**30 if cuda else None
            report.write_text(json.dumps({"seconds": seconds, "peak_gib": peak}))
            raise SystemExit(0)
        return result

    torch.optim.AdamW.step = step
    sys.argv = sys.argv[3:]
    # As Python itself does for a script, and without this file's own folder.
    sys.path[0] = str(script.resolve().parent)
    runpy.run_path(str(script), run_name="__main__")


if __name__ == "__main__":
    main()
