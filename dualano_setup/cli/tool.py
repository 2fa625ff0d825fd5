"""`export`, `masks`, `foreground`, `convert`, `memory`: the trainer's tools as commands, by one table."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

from ..language import N_
from .parser import TRAINER_ARGUMENTS, Argument, Command, argument, settings_of


def _flag(name: str, text: str, metavar: str = "DIR", choices: tuple[str, ...] = ()) -> Argument:
    """A flag of a tool that has a default here; `choices` are the trainer's own."""
    kind: dict[str, Any] = {"choices": choices} if choices else {"metavar": metavar}
    return argument(name, dest=f"of_tool_{name[2:]}", help=text, **kind)


_NEW = N_("new folder for them (default: beside what they are made from)")

TOOLS: dict[str, Command] = {
    "export": Command(
        N_("generated pairs for other tools: MVTec, anomalib, COCO, YOLO"),
        N_(
            "Exports the newest generated pairs, with the real images to judge them on, in the training environment. "
            "What follows `--` reaches `trainer.export`, e.g. -- --split paper"
        ),
        (
            _flag("--format", N_("layout to write (default: mvtec)"), choices=("anomalib", "coco", "mvtec", "yolo")),
            _flag("--generated", N_("folder of generated pairs (default: of the newest run)")),
            _flag("--output", N_("new folder (default: outputs/<run>/export-<format>)")),
            TRAINER_ARGUMENTS,
        ),
    ),
    "masks": Command(
        N_("anomaly masks of part frames"),
        N_(
            "Makes anomaly masks from part frames (the fg folder of generated pairs, the authors' included), in the "
            "training environment."
        ),
        (
            _flag("--fg", N_("folder of part frames (default: of the newest generated pairs)")),
            _flag("--output", _NEW),
            TRAINER_ARGUMENTS,
        ),
    ),
    "foreground": Command(
        N_("object masks for the background module"),
        N_(
            "Makes object masks of the anomalous and the good images, in the training environment. They fit plain "
            "backgrounds; look at a few. What follows `--` reaches `trainer.foreground`, e.g. -- --method rembg"
        ),
        (
            _flag("--images", N_("folder of images (default: those of the category and anomaly, and the good ones)")),
            _flag("--output", N_("new folder for them (default: below the foreground folder, else ./foreground)")),
            TRAINER_ARGUMENTS,
        ),
    ),
    "convert": Command(
        N_("pickled weights (.bin) as safetensors"),
        N_("Writes the tensors of a .bin file as safetensors without letting the pickle run anything, and compares."),
        (
            _flag("--source", N_("the .bin file (default: of the newest run)"), "FILE"),
            _flag("--target", N_("the file to write (default: beside it)"), "FILE"),
            TRAINER_ARGUMENTS,
        ),
    ),
    "memory": Command(
        N_("predict the GPU memory of a training"),
        N_(
            "Predicts the GPU memory of a training with the settings in force, by its parts. What follows `--` is as "
            "for `train`, e.g. -- --train_batch_size 4 --json"
        ),
        (TRAINER_ARGUMENTS,),
    ),
}


@dataclass(frozen=True, slots=True)
class ToolCommand:
    """What every module of a command offers, for a row of the table."""

    name: str

    @property
    def COMMAND(self) -> Command:  # noqa: N802 - a constant in the other modules
        """What its parser is made of."""
        return TOOLS[self.name]

    def run(self, arguments: argparse.Namespace) -> int:
        """Runs the tool; the exit status is the tool's. Raises UsageError for what is not known."""
        from ..runs.launch.tools import show_help, wants_help

        if wants_help(arguments.arguments):
            return show_help(f"trainer.{self.name}")
        from ..flows.tool import run_filled_in

        given = {
            f"--{name.removeprefix('of_tool_')}": value
            for name, value in vars(arguments).items()
            if name.startswith("of_tool_") and value is not None
        }
        return run_filled_in(self.name, settings_of(arguments), given, arguments.arguments)
