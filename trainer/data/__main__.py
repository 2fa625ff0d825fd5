"""`python -m trainer.data`: the numbers of masks and photographs, one JSON line a file, for the doctor's `check`.

    python -m trainer.data --resolution 512 --seconds 10 mask PATH object PATH photograph PATH ...

A line is [number of the file, numbers or the reader's message]. Files are taken in their order until the time is up;
what a line is missing for was not looked at.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ..errors import TrainerError
from .measure import hidden_share, measure_mask, refuse_cut_short

KINDS = ("mask", "object", "photograph")


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m trainer.data", description=__doc__, allow_abbrev=False)
    parser.add_argument("--resolution", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("files", nargs="*", metavar="KIND PATH")
    given = parser.parse_args(argv)
    kinds, paths = given.files[::2], given.files[1::2]
    if len(kinds) != len(paths) or not set(kinds) <= set(KINDS) or given.resolution < 1:
        parser.error(f"expected pairs of a kind ({', '.join(KINDS)}) and a path, and a resolution above 0")
    end = time.monotonic() + given.seconds
    for number, (kind, path) in enumerate(zip(kinds, paths, strict=True)):
        if time.monotonic() > end:
            break
        print(json.dumps([number, look(kind, Path(path), given.resolution)]))
    return 0


def look(kind: str, path: Path, resolution: int) -> list[float] | str:
    """The numbers of a mask (in the order of `MaskNumbers`), a photograph's share of transparency, or why not."""
    try:
        refuse_cut_short(path)
        if kind != "photograph":
            return list(measure_mask(path, resolution if kind == "mask" else None))
        return [hidden_share(path)]
    except TrainerError as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(main())
