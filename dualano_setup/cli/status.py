"""`dualano-doctor status [RUN]`: how one run is doing, or what became of it."""

from __future__ import annotations

import argparse
import json
import sys

from ..language import N_, _
from .parser import JSON_DOCUMENT, RUN_NAME, Command, settings_of

COMMAND = Command(
    help=N_("how a run is doing"),
    description=N_("State, step, loss, speed and time left of a run; after a failure, its cause."),
    arguments=(RUN_NAME, JSON_DOCUMENT),
)


def run(arguments: argparse.Namespace) -> int:
    """Prints the state; 1 when the run failed or was lost. Raises UsageError for a run that is not there."""
    from ..errors import UsageError
    from ..report.terminal import Style
    from ..runs.folder import find
    from ..runs.look import look_at
    from ..runs.watch.report import status_text

    settings = settings_of(arguments)
    folder = find(settings.state, arguments.name)
    record = folder.record()
    if record is None:
        raise UsageError(_("{run_file} cannot be read", run_file=folder.run_file))
    view = look_at(folder, record)
    if arguments.json:
        from ..runs.watch.explained import explained_document

        document = {**view.document(), "explanation": explained_document(view)}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        sys.stdout.write(status_text(view, Style.for_stream(settings.color, sys.stdout)))
    return 1 if view.verdict.state in ("failed", "lost") else 0
