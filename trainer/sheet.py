"""`python -m trainer.sheet`: real and generated pictures side by side, to look at.

python -m trainer.sheet --generated DIR --real DIR --output PNG [--rows N] [--title TEXT]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from .cli.flag_types import positive
from .cli.run_command import run_command
from .data.images import list_images, read_image, write_png
from .data.picture_sheet import Row, make_sheet
from .errors import TrainerError
from .generate.manifest import Manifest, Record, pair_files

COLUMNS = ("real", "generated", "part", "mask")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.sheet", description="Put real and generated pictures side by side."
    )
    parser.add_argument("--generated", type=Path, required=True, help="what `trainer.generate` wrote")
    parser.add_argument("--real", type=Path, required=True, help="folder of real anomalous images")
    parser.add_argument("--output", type=Path, required=True, help="PNG to write")
    parser.add_argument("--rows", type=positive, default=6, help="pairs to show, accepted ones first (%(default)s)")
    parser.add_argument("--title", default="", help="written above all")
    given = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    return run_command(lambda: write_sheet(given.generated, given.real, given.output, given.rows, given.title))


def write_sheet(generated: Path, real: Path, output: Path, count: int, title: str) -> None:
    """Write the sheet and say where.

    Raises:
        TrainerError: there are no pairs or real images, or a file cannot be read or written.
    """
    records, images = Manifest(generated).records, list_images(real)
    chosen = sorted(records.values(), key=lambda record: (not record.usable, record.index))[:count]
    if not chosen:
        raise TrainerError(f"There is nothing to show: no pairs in {generated}.")
    rows = [_row(generated, record, images[number % len(images)]) for number, record in enumerate(chosen)]
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_png(make_sheet(title, COLUMNS, rows), output)
    except OSError as error:
        raise TrainerError(f"Cannot write {output}: {error.strerror or error}.") from error
    print(f"sheet: {output}", flush=True)


def _row(folder: Path, record: Record, real: Path) -> Row:
    """One pair beside a real image."""
    image, part, mask = pair_files(folder, record)
    shown = read_image(image)
    beside = read_image(real).resize(shown.size, Image.Resampling.BICUBIC)
    caption = (
        f"real {real.name} | generated {record.file}, seed {record.seed}: {record.prompt} | part: {record.prompt_fg}"
    )
    if record.rejected:
        caption += f" | rejected: {record.rejected}"
    return Row(caption, (beside, shown, read_image(part), read_image(mask) if mask.is_file() else None))


if __name__ == "__main__":
    sys.exit(main())
