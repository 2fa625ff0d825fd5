"""`dualano-doctor prove`: a real miniature training through the real launch path."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..runs.proof import Proof


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "prove",
        parents=[shared],
        help="two real steps in the training environment",
        description="Trains two steps in the training environment through the same launch as `train`, with your model "
        "and data (miniature ones where none are named), then a third from the checkpoint, and tells "
        "speed, memory and how long a whole training will take.",
    )
    parser.add_argument("--json", action="store_true", help="as one JSON document on stdout")
    parser.add_argument("arguments", nargs="*", metavar="-- ARGS", help="for the trainer, untouched")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Proves it; 0 when training works here, 1 when it does not."""
    from ..facts.collect import collect
    from ..report.terminal import Style
    from ..runs.foreground import watch
    from ..runs.handoff import LaunchError
    from ..runs.proof import ProofError, prove, settle
    from ..settings import resolve

    settings = resolve(vars(arguments))
    style = Style.for_stream(settings.color, sys.stderr)
    try:
        sheet = collect(settings)
        wanted = settle(settings, sheet, arguments.arguments, lambda line: print(line, file=sys.stderr, flush=True))
        proof = prove(
            wanted, sheet, arguments.arguments, lambda started: watch(started, style), miniature=wanted is not settings
        )
    except (ProofError, LaunchError) as error:
        print(f"dualano-doctor: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        sys.stdout.write(json.dumps(asdict(proof) | {"usual_seconds": proof.usual_seconds}, indent=2) + "\n")
    else:
        sys.stdout.write(_text(proof))
    return 0


def _text(proof: Proof) -> str:
    from ..runs.progress import duration
    from ..runs.proof import USUAL_STEPS

    memory = "no GPU was used" if proof.memory is None else f"peak GPU memory {proof.memory:.2f} GiB"
    losses = ", ".join(f"{loss:.4f}" for loss in proof.losses)
    time = f"{proof.seconds_per_step:.3g} s a step: {USUAL_STEPS} steps take about {duration(proof.usual_seconds)}"
    hint = " on the miniature; with --model and --data it tells your own training's" if proof.miniature else ""
    return (
        f"Training works here. Losses {losses}; {memory}.\n{time}{hint}.\n"
        f"{proof.checkpoint} was written, read back and trained on.\n"
    )
