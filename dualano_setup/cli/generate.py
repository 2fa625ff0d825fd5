"""`dualano-doctor generate`: sample image, foreground and mask triples from trained weights."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ..language import _

if TYPE_CHECKING:
    pass


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
    parser.add_argument("--output", metavar="DIR", dest="into", help=_("where samples go (.dualano/generated/...)"))
    parser.add_argument(
        "arguments", nargs="*", metavar="-- ARGS", help=_("for trainer.generate, untouched; -- --help lists them")
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Samples; the exit status is the sampler's. Raises UsageError when model or weights are not named."""
    from ..facts.collect import collect
    from ..runs.launch.handoff import LaunchError, interpreter_of
    from ..runs.launch.tools import run_tool, show_help, wants_help
    from ..settings.resolve import resolve

    if wants_help(arguments.arguments):
        return show_help("trainer.generate")
    settings = resolve(vars(arguments))
    from ..flows.generate import tool_arguments

    command = tool_arguments(settings, arguments.weights, arguments.into, arguments.arguments)
    try:
        interpreter = interpreter_of(collect(settings))
    except LaunchError as error:
        print(f"dualano-doctor: {error}", file=sys.stderr)
        return 1
    status = run_tool(interpreter, "trainer.generate", command, offline=settings.offline)
    return 128 - status if status < 0 else status
