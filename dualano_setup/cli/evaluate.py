"""`dualano-doctor evaluate`: the field's metrics of generated pairs."""

from __future__ import annotations

import argparse

from ..language import N_
from .parser import JSON_DOCUMENT, Command, argument, settings_of

PROTOCOLS = ("strict", "anomalydiffusion", "dualanodiff", "seas", "o2mag")

COMMAND = Command(
    help=N_("the field's metrics of generated pairs"),
    description=N_(
        "Trains the field's networks on generated pairs, tests them on real anomalies that nothing trained on, and "
        "measures the pairs themselves, in the training environment: localisation, classification, IS, KID, FID, "
        "IC-LPIPS, baselines in the same table. Looks for leaks first, tells time and memory, goes on after an "
        "interruption. What follows `--` reaches `trainer.evaluate`, e.g. -- --trainings generated,real --plan"
    ),
    arguments=(
        argument(
            "targets",
            nargs="*",
            metavar="RUN|DIR",
            help=N_(
                "runs, or folders of pairs: of `generate`, or <category>/<anomaly>/image and mask of any method "
                "(default: the newest pairs)"
            ),
        ),
        argument("--protocol", choices=PROTOCOLS, help=N_("whose constants (default: strict)")),
        argument(
            "--output", metavar="DIR", dest="into", help=N_("folder of the result (default: outputs/<run>/evaluation)")
        ),
        JSON_DOCUMENT,
        argument(
            "arguments", nargs="*", metavar="-- ARGS", help=N_("for trainer.evaluate, untouched; -- --help lists them")
        ),
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Evaluates; the exit status is the trainer's. Raises UsageError for what is neither said nor known."""
    from ..runs.launch.tools import show_help, wants_help

    if wants_help(arguments.arguments):
        return show_help("trainer.evaluate")
    from ..flows.evaluate import Wish, evaluate

    wish = Wish(tuple(arguments.targets), arguments.protocol, arguments.into, arguments.json)
    return evaluate(settings_of(arguments), wish, arguments.arguments)
