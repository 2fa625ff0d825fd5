"""The runs of a project on disk: their folders, their names, and how a person's word finds one."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from ..language import _
from .records import ExitRecord, ProcessRecord, RunRecord, StopRequest, read

FINAL_WEIGHTS = ("pytorch_lora_weights.safetensors", "pytorch_lora_weights.bin")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """`.dualano/runs/<name>/` and what lies in it."""

    path: Path

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.name

    @property
    def run_file(self) -> Path:
        """What was started."""
        return self.path / "run.json"

    @property
    def process_file(self) -> Path:
        """Which processes carry it."""
        return self.path / "process.json"

    @property
    def stop_file(self) -> Path:
        """That somebody wants it to end."""
        return self.path / "stop.json"

    @property
    def exit_file(self) -> Path:
        """How it ended."""
        return self.path / "exit.json"

    @property
    def log(self) -> Path:
        """Both streams of the training processes, unbuffered."""
        return self.path / "log"

    @property
    def accelerate(self) -> Path:
        """The run's own accelerate configuration; the user's is never touched or read."""
        return self.path / "accelerate.yaml"

    @property
    def code(self) -> Path:
        """The run's own copy of the bundled trainer: an upgrade of this program cannot change a run half way."""
        return self.path / "code"

    def together(self) -> list[RunFolder]:
        """The runs that one command trains with this one, this one too."""
        record = self.record()
        names = record.together if record else ()
        return [RunFolder(self.path.parent / name) for name in names if (self.path.parent / name).is_dir()] or [self]

    def record(self) -> RunRecord | None:
        """What was started, or None when the folder is no run's."""
        return read(RunRecord, self.run_file)

    def processes(self) -> ProcessRecord | None:
        """Which processes carry it, or None before the supervisor lives."""
        return read(ProcessRecord, self.process_file)

    def stop_request(self) -> StopRequest | None:
        """The wish to end it, or None."""
        return read(StopRequest, self.stop_file)

    def exit(self) -> ExitRecord | None:
        """How it ended, or None when that was not recorded (yet)."""
        return read(ExitRecord, self.exit_file)


def runs_root(state: Path) -> Path:
    """Where the runs of a project are; `state` is the project's .dualano."""
    return state / "runs"


def results_of(project: Path, run: str) -> Path:
    """Where what a person wants of a run lies: weights, checkpoints, sheets, pairs, exports."""
    return project / "outputs" / run


def create(state: Path, label: str) -> RunFolder:
    """A new, empty run folder named after the moment and `label` ("toothbrush-defective"). Raises OSError."""
    root = runs_root(state)
    root.mkdir(parents=True, exist_ok=True)
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{re.sub(r'[^A-Za-z0-9._-]+', '-', label).strip('-.') or 'run'}"
    for number in range(1, 1000):
        path = root / (stem if number == 1 else f"{stem}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return RunFolder(path)
    raise FileExistsError(17, _("a thousand runs were started in one second"), str(root))


def every(state: Path) -> list[RunFolder]:
    """All runs, the newest last. Folders without a readable run.json, or of a name that no run gets, are not runs."""
    root = runs_root(state)
    if not root.is_dir():
        return []
    folders = (RunFolder(path) for path in root.iterdir() if _NAME.fullmatch(path.name))
    found = [(record.created, folder) for folder in folders if (record := folder.record())]
    return [folder for __, folder in sorted(found, key=lambda row: (row[0], row[1].name))]


def find(state: Path, word: str | None) -> RunFolder:
    """The run called `word` (a name, or an unambiguous part of one); without a word, the newest.

    Raises UsageError when there is none, or several.
    """
    runs = every(state)
    if not runs:
        raise UsageError(_("no runs in {state} yet; `dualano-doctor train` starts one", state=runs_root(state)))
    if word is None:
        return runs[-1]
    if not _NAME.fullmatch(word):
        raise UsageError(_("{word!r} is not the name of a run; `dualano-doctor runs` lists them", word=word))
    exact = [run for run in runs if run.name == word]
    near = exact or [run for run in runs if word in run.name]
    if len(near) != 1:
        shown = ", ".join(run.name for run in (near or runs)[-5:])
        raise UsageError(
            _(
                "{near_count} runs match {word!r}; {what}: {shown}",
                near_count=len(near) or "no",
                word=word,
                what=_("these do") if near else _("there are"),
                shown=shown,
            )
        )
    return near[0]
