"""Evaluate generated pairs by the field's protocols.

    python -m trainer.evaluate --generated DIR --category C --anomaly A --dataset MVTEC_ROOT --output DIR
        [--protocol strict|anomalydiffusion|dualanodiff|seas|o2mag]

Several anomalies and categories by repeating --generated, --category and --anomaly in the same order, or by one
--generated with <category>/<anomaly>/image and mask below it, from whatever method.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ..cli.flag_types import folder_name, positive
from ..cli.run_command import FINISHED_STAYS, run_command

TRAININGS = ("generated", "real", "augmentation", "cutpaste", "perlin", "none")
PROTOCOLS = ("strict", "anomalydiffusion", "dualanodiff", "seas", "o2mag")
CHANGEABLE = ("seeds", "pixels", "width", "batch", "epochs", "draws", "test_every", "class_epochs")
TASKS = ("localisation", "classification", "quality")


def listed(known: Sequence[str]) -> Callable[[str], list[str]]:
    """A value type of flags: known names with commas between them."""

    def parsed(text: str) -> list[str]:
        names = list(dict.fromkeys(filter(None, text.split(","))))
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            raise argparse.ArgumentTypeError(f"{text!r} is not of {', '.join(known)} with commas between them")
        return names

    return parsed


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The flags of a command line."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.evaluate", description=(__doc__ or "").split("\n")[0], allow_abbrev=False
    )
    add = parser.add_argument
    add(
        "--generated",
        type=Path,
        action="append",
        required=True,
        help="folder of `dualano-doctor generate`, or one with image and mask in it; or one of "
        "<category>/<anomaly>/... for all that is there",
    )
    add("--dataset", type=Path, required=True, help="root of the real data, MVTec AD's layout")
    each = {"category": "once for all, or once for each --generated", "anomaly": "once for each --generated"}
    for name, text in each.items():
        add(f"--{name}", type=folder_name, action="append", default=[], help=f"of the pairs: {text}")
    add(
        "--trained_on",
        type=Path,
        action="append",
        default=[],
        help="trainer_state.json, or a text file of the training images' names; once for each --generated "
        "(default: the first third of the real anomalies)",
    )
    add("--output", type=Path, required=True, help="folder of the result; an interrupted evaluation goes on there")
    add("--protocol", choices=PROTOCOLS, default="strict", help="whose constants (default: strict)")
    add(
        "--trainings",
        type=listed(TRAININGS),
        default=["generated", "real", "augmentation", "cutpaste", "none"],
        help=f"rows of the table, of {', '.join(TRAININGS)} (default: all but perlin)",
    )
    add("--tasks", type=listed(TASKS), default=list(TASKS), help=f"of {', '.join(TASKS)} (default: all)")
    for name in CHANGEABLE:
        add(f"--{name}", type=positive, help="instead of the protocol's constant; the result names it")
    add("--device", default="auto", help="cuda, cpu, or cuda:1 (default: the GPU, where there is one)")
    add("--mixed_precision", choices=("no", "bf16"), default="no", help="bf16: faster on a GPU; the result names it")
    add(
        "--allow_leakage", action="store_true", help="evaluate although images leak, are there twice, or masks inverted"
    )
    add("--plan", action="store_true", help="say what would be done, how long it takes, and stop")
    add("--json", action="store_true", help="the result as one JSON document on stdout, not the table")
    add("--json_schema", action=_Schema, help="print the schema of that document")
    return parser.parse_args(arguments)


class _Schema(argparse.Action):
    """Prints the schema and ends."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_ignored: object) -> None:
        """Print it."""
        sys.stdout.write((Path(__file__).parent / "report" / "evaluation.schema.json").read_text(encoding="utf-8"))
        parser.exit()


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    flags = vars(parse_arguments(sys.argv[1:] if arguments is None else arguments))
    given = {name: flags.pop(name) for name in CHANGEABLE}
    changes = {name: value for name, value in given.items() if value is not None}
    from .run import evaluate  # the help needs no torch
    from .settings import EvaluationSettings

    return run_command(lambda: evaluate(EvaluationSettings(**flags, changes=changes)), left=FINISHED_STAYS)


if __name__ == "__main__":
    sys.exit(main())
