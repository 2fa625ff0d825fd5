"""What a person's word names: a run of the project, a folder of results, or a campaign."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..language import _
from ..runs.folder import RunFolder, every, find, results_of
from ..runs.look import RunView, look_at
from ..runs.records import RunRecord
from ..settings.options import Settings
from ..system.files import read_whole
from .pairs import MANIFEST

METRICS = "metrics.jsonl"
PLAN = "plan.json"
_MAX_PLAN = 16 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Source:
    """A run, or a folder that a training without the doctor left (`run` and `record` are None then).

    `together`: the runs that share its output folder, oldest first: one training, gone on with.
    """

    name: str
    output: Path
    run: RunFolder | None = None
    record: RunRecord | None = None
    together: tuple[tuple[RunFolder, RunRecord], ...] = ()

    @property
    def metrics(self) -> Path:
        """Its metrics.jsonl, there or not."""
        return Path(self.record.metrics) if self.record and self.record.metrics else self.output / METRICS

    @property
    def generated(self) -> Path | None:
        """The folder of its generated pairs, None where there are none."""
        project = self.run.path.parents[2] if self.run else Path()
        of_runs = [results_of(project, run.name) / "generated" for run, __ in reversed(self.together)]
        folders = [*of_runs, self.output / "generated", self.output]
        return next((folder for folder in folders if (folder / MANIFEST).is_file()), None)

    def view(self) -> RunView | None:
        """A look at the run as it is now."""
        return look_at(self.run, self.record) if self.run and self.record else None


def campaign_of(settings: Settings, word: str | None) -> Path | None:
    """The campaign's folder that `word` names (by name or path), None when it names none."""
    if word is None:
        return None
    named = Path(word).expanduser()
    places = [settings.project / "outputs" / "campaigns" / word] if named.name == word else []
    return next((place for place in (*places, named) if (place / PLAN).is_file()), None)


def source_of(settings: Settings, word: str | None) -> Source:
    """The run or folder that `word` names, the newest run without one. Raises UsageError when there is none."""
    folder = Path(word).expanduser().absolute() if word is not None else None
    if folder is not None and word is not None and folder.is_dir() and _holds_results(folder):
        known = next((one for one in all_sources(settings) if one.output == folder), None)
        return known or Source(folder.name, folder)
    if folder is not None and word is not None and ("/" in word or folder.is_dir()):
        raise UsageError(
            _(
                "{folder} holds neither {metrics} of a training nor {manifest} of generated pairs; give the name of a "
                "run (`dualano-doctor runs` lists them) or such a folder",
                folder=folder,
                metrics=METRICS,
                manifest=MANIFEST,
            )
            if folder.is_dir()
            else _("there is no folder {folder}", folder=folder)
        )
    run = find(settings.state, word)
    record = run.record()
    assert record is not None  # `find` gives only folders with one
    return of_run(settings, run, record)


def of_run(settings: Settings, run: RunFolder, record: RunRecord) -> Source:
    """A run of the project, with those that went on in its output folder."""
    rows = [(one, other) for one in every(settings.state) if (other := one.record()) is not None]
    together = tuple((one, other) for one, other in rows if other.output == record.output)
    return Source(run.name, output_of(settings, run, record), run, record, together)


def output_of(settings: Settings, run: RunFolder, record: RunRecord) -> Path:
    """Where its results are, also in a project that was moved since."""
    said = Path(record.output)
    here = results_of(settings.project, said.name)
    return here if not said.is_dir() and here.is_dir() else said


def all_sources(settings: Settings) -> list[Source]:
    """Every run of the project, the newest first."""
    rows = [(one, record) for one in every(settings.state) if (record := one.record()) is not None]
    by_output: dict[str, list[tuple[RunFolder, RunRecord]]] = {}
    for run, record in rows:
        by_output.setdefault(record.output, []).append((run, record))
    return [
        Source(run.name, output_of(settings, run, record), run, record, tuple(by_output[record.output]))
        for run, record in reversed(rows)
    ]


def json_at(path: Path) -> Any:
    """What a JSON file holds, None where there is none that can be read."""
    try:
        return json.loads(read_whole(path, _MAX_PLAN))
    except (OSError, ValueError, RecursionError):
        return None


def _holds_results(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (METRICS, MANIFEST, f"generated/{MANIFEST}"))
