"""`dualano-doctor generate`: sample image, foreground and mask triples from trained weights."""

from __future__ import annotations

import argparse

from ..language import _
from .parser import settings_of


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "generate",
        parents=[shared],
        help=_("sample from trained weights"),
        description=_(
            "Samples pairs of anomalous image and anomaly part, with masks, in the training environment. What "
            "follows `--` reaches `trainer.generate` untouched, e.g. -- --num_images 100 --scheduler dpm++"
        ),
    )
    parser.add_argument("--weights", metavar="PATH", help=_("weight file or its folder (default: of the newest run)"))
    parser.add_argument("--output", metavar="DIR", dest="into", help=_("where samples go (outputs/<run>/generated)"))
    parser.add_argument(
        "arguments", nargs="*", metavar="-- ARGS", help=_("for trainer.generate, untouched; -- --help lists them")
    )


def run(arguments: argparse.Namespace) -> int:
    """Samples; the exit status is the sampler's. Raises UsageError when model or weights are not named."""
    from ..flows.generate import generate
    from ..runs.launch.tools import show_help, wants_help

    if wants_help(arguments.arguments):
        return show_help("trainer.generate")
    return generate(settings_of(arguments), arguments.weights, arguments.into, arguments.arguments)
