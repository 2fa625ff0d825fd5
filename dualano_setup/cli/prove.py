"""`dualano-doctor prove`: a real miniature training through the real launch path."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..language import N_, _
from .parser import JSON_DOCUMENT, TRAINER_ARGUMENTS, Command, settings_of

if TYPE_CHECKING:
    from ..runs.proof import Proof


COMMAND = Command(
    help=N_("two real steps in the training environment"),
    description=N_(
        "Trains two steps in the training environment through the same launch as `train`, with your model "
        "and data (miniature ones where none are named), then a third from the checkpoint, and tells speed, "
        "memory and how long a whole training will take."
    ),
    arguments=(
        JSON_DOCUMENT,
        TRAINER_ARGUMENTS,
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Proves it; 0 when training works here. Raises ProofError when it does not, LaunchError when it does not start."""
    from ..facts.collect import collect
    from ..report.terminal import Style
    from ..runs.launch.tools import show_help, wants_help
    from ..runs.proof import prove, settle
    from ..runs.watch.attend import watch

    if wants_help(arguments.arguments):
        return show_help("trainer")
    if arguments.trainer == "checkout":
        raise UsageError(_("--trainer checkout: `prove` proves the bundled trainer; leave it out"))
    settings = settings_of(arguments)
    style = Style.for_stream(settings.color, sys.stderr)
    if settings.checkout:
        note = _(
            "note: this proves the bundled trainer; the authors' own in {checkout} is not run",
            checkout=settings.checkout,
        )
        print(note, file=sys.stderr)
    sheet = collect(settings)
    wanted = settle(settings, sheet, arguments.arguments, lambda line: print(line, file=sys.stderr, flush=True))
    proof = prove(
        wanted,
        sheet,
        arguments.arguments,
        lambda started: watch(started, style, by_train=False),
        miniature=wanted is not settings,
    )
    if arguments.json:
        sys.stdout.write(json.dumps(asdict(proof) | {"usual_seconds": proof.usual_seconds}, indent=2) + "\n")
    else:
        sys.stdout.write(_text(proof))
    return 0


def _text(proof: Proof) -> str:
    from ..runs.progress import duration
    from ..runs.proof import USUAL_STEPS

    memory = (
        _("no GPU was used") if proof.memory is None else _("peak GPU memory {memory:.2f} GiB", memory=proof.memory)
    )
    losses = ", ".join(f"{loss:.4f}" for loss in proof.losses)
    time = _(
        "{seconds_per_step:.3g} s a step: {usual_steps} steps take about {usual_seconds}",
        seconds_per_step=proof.seconds_per_step,
        usual_steps=USUAL_STEPS,
        usual_seconds=duration(proof.usual_seconds),
    )
    hint = _(" on the miniature; with --model and --data it tells your own training's") if proof.miniature else ""
    return _(
        "Training works here. Losses {losses}; {memory}.\n{time}{hint}.\n{checkpoint} was written, read back "
        "and trained on.\n",
        losses=losses,
        memory=memory,
        time=time,
        hint=hint,
        checkpoint=proof.checkpoint,
    )
