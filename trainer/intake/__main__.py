"""Bring pictures into the layout that trains, as a job says: links or copies, masks joined and drawn, squares cut.

    python -m trainer.intake --job JOB.json --output DIR

`dualano-doctor import` recognises data sets and writes the job. Each category becomes a folder of `DIR`, whole or not
at all, with a manifest `import.json`: where every file is from, what was cut out of it, and what was left out and why.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..cli.run_command import run_command
from .job import read_job
from .write import write_category


def bring(job: Path, output: Path) -> None:
    """Write every category of the job below `output`.

    Raises:
        TrainerError: the job is none, nothing of a category can be used, or its folder is there already.
    """
    work = read_job(job)
    for category in work.categories:
        manifest = write_category(work, category, output / category)
        number = sum(bool(row["mask"]) for row in manifest["files"])
        left = f", {len(manifest['left_out'])} left out" if manifest["left_out"] else ""
        sheet = output / category / "look" / "contact-sheet.jpg"
        look = f"; look at {sheet}" if sheet.is_file() else ""
        print(f"{output / category}: {number} anomalous and {len(manifest['files']) - number} good images{left}{look}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.intake", description="Bring pictures into the layout that trains.", allow_abbrev=False
    )
    parser.add_argument("--job", type=Path, required=True, help="what goes where, as JSON (trainer/intake/job.py)")
    parser.add_argument("--output", type=Path, required=True, help="folder of categories")
    given = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    return run_command(lambda: bring(given.job, given.output))


if __name__ == "__main__":
    sys.exit(main())
