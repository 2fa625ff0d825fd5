"""`dualano-doctor resume`: goes on with a run, with its own arguments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError
from ..language import _
from ..runs.ending import newest_checkpoint
from ..runs.folder import find
from ..runs.launch.arguments import steps_of, value_of, without
from ..runs.launch.resume import as_the_run_had_them, own_arguments
from ..runs.look import look_at
from ..settings.options import Settings
from .train import train


def resume(settings: Settings, run: str | None, extra: Sequence[str], *, force: bool, detach: bool) -> int:
    """Goes on with the run in its own folder, as a new run; ARGS win over its arguments.

    Returns as `train` does. Raises UsageError for a run that cannot be gone on with.
    """
    folder = find(settings.state, run)
    record = folder.record()
    assert record is not None  # `find` gives only folders with one
    if record.trainer != "bundled":
        raise UsageError(
            _(
                "{run} is a run of the authors' trainer: `resume` goes on with runs of the bundled one. By hand: "
                "dualano-doctor train --trainer checkout -- --output_dir DIR --resume_from_checkpoint latest",
                run=folder.name,
            )
        )
    verdict = look_at(folder, record).verdict
    if verdict.alive or verdict.state == "elsewhere":
        raise UsageError(_("{run} has not ended: dualano-doctor status {run}", run=folder.name))
    own = own_arguments(folder, record)
    output = Path(record.folder, value_of("--output_dir", own) or record.output)
    newest = newest_checkpoint(output)
    if not newest:
        raise UsageError(
            _(
                "{run} left no checkpoint in {output}; `dualano-doctor train` starts anew",
                run=folder.name,
                output=output,
            )
        )
    given = [flag for flag in extra if flag.startswith("--")]
    arguments = [*without([flag.partition("=")[0] for flag in given], own), *extra]
    if int(newest.removeprefix("checkpoint-")) >= steps_of(settings, arguments):
        raise UsageError(
            _(
                "{run} has taken all its steps; more: dualano-doctor resume {run} -- --max_train_steps N",
                run=folder.name,
            )
        )
    return train(
        as_the_run_had_them(settings, folder, record),
        "bundled",
        arguments,
        force=force,
        detach=detach,
        working=Path(record.folder) if Path(record.folder).is_dir() else None,
    )
