"""`dualano-doctor resume`: goes on with a run, with its own arguments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError
from ..language import _
from ..light_dataclasses import replace
from ..runs.ending import newest_checkpoint
from ..runs.folder import RunFolder, find
from ..runs.launch.arguments import steps_of, value_of, without
from ..runs.launch.resume import as_the_run_had_them, own_arguments
from ..runs.look import is_done, look_at
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
    if (unfinished := _unfinished(folder)) and len(unfinished) > 1:
        return _resume_together(settings, unfinished, extra, force=force, detach=detach)
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


def _unfinished(folder: RunFolder) -> list[RunFolder]:
    """Of the runs that one command trained with this one, those that can be gone on with."""
    rows = [(run, record) for run in folder.together() if (record := run.record())]
    return [run for run, record in rows if newest_checkpoint(Path(record.output)) and not is_done(run, record)]


def _resume_together(
    settings: Settings, runs: Sequence[RunFolder], extra: Sequence[str], *, force: bool, detach: bool
) -> int:
    """Goes on with runs that trained together, together; as `resume`."""
    each, outputs = [], []
    for run in runs:
        record = run.record()
        assert record is not None
        each.append(as_the_run_had_them(settings, run, record))
        outputs += ["--output_dir", value_of("--output_dir", own_arguments(run, record)) or record.output]
    record = runs[0].record()
    assert record is not None
    given = [flag.partition("=")[0] for flag in extra if flag.startswith("--")]
    own = without([*given, "--instance_data_dir", "--output_dir"], own_arguments(runs[0], record))
    names = tuple(str(one.anomaly) for one in each)
    return train(
        replace(each[0], anomalies=names),
        "bundled",
        [*own, *extra, *outputs],
        force=force,
        detach=detach,
        working=Path(record.folder) if Path(record.folder).is_dir() else None,
    )
