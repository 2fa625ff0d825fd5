"""`export`, `masks`, `foreground`, `convert`, `memory`: the trainer's tools as commands, by one table."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from ..language import N_, _
from .parser import settings_of


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of a tool that has a default here. `choices` are the trainer's own."""

    name: str
    help: str
    metavar: str = "DIR"
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """One command: `help` and `description` as in `--help`."""

    help: str
    description: str
    flags: tuple[Flag, ...] = ()


_NEW = N_("new folder for them (default: beside what they are made from)")

TOOLS: dict[str, Tool] = {
    "export": Tool(
        N_("generated pairs for other tools: MVTec, anomalib, COCO, YOLO"),
        N_(
            "Exports the newest generated pairs, with the real images to judge them on, in the training environment. "
            "What follows `--` reaches `trainer.export`, e.g. -- --split paper"
        ),
        (
            Flag("--format", N_("layout to write (default: mvtec)"), choices=("anomalib", "coco", "mvtec", "yolo")),
            Flag("--generated", N_("folder of generated pairs (default: of the newest run)")),
            Flag("--output", N_("new folder (default: outputs/<run>/export-<format>)")),
        ),
    ),
    "masks": Tool(
        N_("anomaly masks of part frames"),
        N_(
            "Makes anomaly masks from part frames (the fg folder of generated pairs, the authors' included), in the "
            "training environment."
        ),
        (Flag("--fg", N_("folder of part frames (default: of the newest generated pairs)")), Flag("--output", _NEW)),
    ),
    "foreground": Tool(
        N_("object masks for the background module"),
        N_(
            "Makes object masks of the anomalous and the good images, in the training environment. They fit plain "
            "backgrounds; look at a few. What follows `--` reaches `trainer.foreground`, e.g. -- --method rembg"
        ),
        (
            Flag("--images", N_("folder of images (default: those of the category and anomaly, and the good ones)")),
            Flag("--output", N_("new folder for them (default: below the foreground folder, else ./foreground)")),
        ),
    ),
    "convert": Tool(
        N_("pickled weights (.bin) as safetensors"),
        N_("Writes the tensors of a .bin file as safetensors without letting the pickle run anything, and compares."),
        (
            Flag("--source", N_("the .bin file (default: of the newest run)"), "FILE"),
            Flag("--target", N_("the file to write (default: beside it)"), "FILE"),
        ),
    ),
    "memory": Tool(
        N_("predict the GPU memory of a training"),
        N_(
            "Predicts the GPU memory of a training with the settings in force, by its parts. What follows `--` is as "
            "for `train`, e.g. -- --train_batch_size 4 --json"
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class ToolCommand:
    """What every module of a command offers, for a row of the table."""

    name: str

    def register(
        self, subparsers: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser
    ) -> None:
        """Adds the command to the parser."""
        tool = TOOLS[self.name]
        parser = subparsers.add_parser(self.name, parents=[shared], help=_(tool.help), description=_(tool.description))
        for flag in tool.flags:
            kind = {"choices": flag.choices} if flag.choices else {"metavar": flag.metavar}
            parser.add_argument(flag.name, dest=f"of_tool_{flag.name[2:]}", help=_(flag.help), **kind)
        parser.add_argument(
            "arguments",
            nargs="*",
            metavar="-- ARGS",
            help=_("for trainer.{name}, untouched; -- --help lists them", name=self.name),
        )

    def run(self, arguments: argparse.Namespace) -> int:
        """Runs the tool; the exit status is the tool's. Raises UsageError for what is not known."""
        from ..runs.launch.tools import show_help, wants_help

        if wants_help(arguments.arguments):
            return show_help(f"trainer.{self.name}")
        from ..flows.tool import run_filled_in

        given = {
            flag.name: value
            for flag in TOOLS[self.name].flags
            if (value := getattr(arguments, f"of_tool_{flag.name[2:]}")) is not None
        }
        return run_filled_in(self.name, settings_of(arguments), given, arguments.arguments)
