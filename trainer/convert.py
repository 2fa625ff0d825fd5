"""`python -m trainer.convert`: pickled weights as safetensors, without letting the pickle run anything."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .cli.run_command import run_command
from .errors import TrainerError


def convert(source: Path, target: Path) -> list[str]:
    """Writes the tensors as safetensors, reads them back and compares. Returns their names."""
    import torch  # here, so that --help needs the standard library alone
    from safetensors.torch import load_file, save_file

    from .files.atomic import write_atomically
    from .weights.pickled import read_pickled

    if target.exists():
        raise TrainerError(f"{target} is there already; move it away to convert again.")
    tensors = read_pickled(source)
    write_atomically(target, lambda place: save_file(tensors, str(place), metadata={"format": "pt"}))
    written = load_file(str(target))
    if written.keys() != tensors.keys() or not all(torch.equal(written[n], t) for n, t in tensors.items()):
        target.unlink()
        raise TrainerError(f"{target} did not read back as it was written; it was removed. Check the disk.")
    return list(tensors)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m trainer.convert", description=__doc__.split("\n")[0])
    parser.add_argument("--source", type=Path, required=True, help="a .bin file of torch's zip format")
    parser.add_argument("--target", type=Path, required=True, help="the .safetensors file to write")
    options = parser.parse_args(arguments)

    def work() -> None:
        from .weights.adapter_file import names_without_part

        names = convert(options.source, options.target)
        print(f"{options.target}: {len(names)} tensors, compared")
        if bare := names_without_part(names):
            print(
                f"warning: {len(bare)} LoRA names lack `unet.` or `text_encoder.` before them (the first is "
                f"`{bare[0]}`); `trainer.generate` refuses such a file, and diffusers loads nothing of it.",
                file=sys.stderr,
            )

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
