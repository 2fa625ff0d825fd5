"""`dualano-doctor generate`: sample image, foreground and mask triples from trained weights."""

from __future__ import annotations

import argparse

from ..language import N_
from .parser import Command, argument, settings_of

COMMAND = Command(
    help=N_("sample from trained weights"),
    description=N_(
        "Samples pairs of anomalous image and anomaly part, with masks, in the training environment. What "
        "follows `--` reaches `trainer.generate` untouched, e.g. -- --num_images 100 --scheduler dpm++"
    ),
    arguments=(
        argument("--weights", metavar="PATH", help=N_("weight file or its folder (default: of the newest run)")),
        argument("--output", metavar="DIR", dest="into", help=N_("where samples go (outputs/<run>/generated)")),
        argument(
            "--accepted", metavar="N", help=N_("go on until N pairs are accepted; status 1 when it ends with fewer")
        ),
        argument("--limit", metavar="M", help=N_("with --accepted: pairs at most, rejected ones included (10 N)")),
        argument(
            "arguments", nargs="*", metavar="-- ARGS", help=N_("for trainer.generate, untouched; -- --help lists them")
        ),
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Samples; the exit status is the sampler's. Raises UsageError when model or weights are not named."""
    from ..flows.generate import generate, wishes
    from ..runs.launch.tools import show_help, wants_help

    if wants_help(arguments.arguments):
        return show_help("trainer.generate")
    wanted = wishes(arguments.accepted, arguments.limit)
    return generate(settings_of(arguments), arguments.weights, arguments.into, [*wanted, *arguments.arguments])
