"""The action that runs one of the trainer's own tools in the training environment."""

from __future__ import annotations

import glob
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ...errors import RepairError
from ...language import _
from ...system import atomic
from ...system.child import run_child, scrubbed_environment, tail
from ..action import Cost, Workshop
from . import before_image as images
from .undoing import Undoing

DEADLINE = 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class RunTrainerTool(Undoing):
    """Run `python -m module *arguments` with the training environment's Python and the bundle on its path.

    `outputs` are the files or folders the tool makes and nothing else may be changed by it. One that exists is moved
    aside first; `undo` removes the new ones and moves the old ones back.
    """

    kind: ClassVar[str] = "run-trainer-tool"

    module: str
    arguments: tuple[str, ...]
    outputs: tuple[Path, ...]
    rules: tuple[str, ...]
    why: str

    def describe(self) -> str:
        """One line: what is made, and why."""
        return _("make {outputs}: {why}", outputs=", ".join(str(path) for path in self.outputs), why=self.why)

    def details(self) -> str:
        """The command."""
        return " ".join(("python", "-m", self.module, *self.arguments))

    def cost(self) -> Cost:
        """Start-up of torch and some work; the outputs' size is not known before."""
        return Cost(seconds=60.0)

    def apply(self, workshop: Workshop) -> None:
        """Runs the tool. Raises RepairError with its last lines when it fails or makes not all outputs."""
        python = self._interpreter(workshop)
        for number, output in enumerate(self.outputs):
            images.move_aside(images.record_aside(output, _slot(workshop, number)))
            output.parent.mkdir(parents=True, exist_ok=True)
        log = workshop.folder / "tool.log"
        argv = [str(python), "-m", self.module, *self.arguments, *self._more_arguments(workshop)]
        status = run_child(argv, _variables(workshop), workshop.folder, log, DEADLINE)
        if status != 0:
            raise RepairError(
                _(
                    "`python -m {module}` failed ({status}); its last lines:\n{log}",
                    module=self.module,
                    status=status,
                    log=tail(log),
                )
            )
        missing = [str(output) for output in self.outputs if not output.exists()]
        if missing:
            raise RepairError(
                _(
                    "`python -m {module}` ended well but did not make {missing}",
                    module=self.module,
                    missing=", ".join(missing),
                )
            )
        prints = {str(output): _fingerprint(output) for output in self.outputs}
        atomic.write_synced(workshop.folder / "after.json", json.dumps(prints).encode(), 0o600)

    def verify(self, workshop: Workshop) -> str:
        """Empty when all outputs are there."""
        missing = [str(output) for output in self.outputs if not output.exists()]
        return _("not made: {missing}", missing=", ".join(missing)) if missing else ""

    def obstacle(self, workshop: Workshop) -> str:
        """Empty when every output is as the tool left it (or was never finished)."""
        after = workshop.folder / "after.json"
        if not after.exists():
            return ""
        for path, known in json.loads(after.read_text(encoding="utf-8")).items():
            if os.path.lexists(path) and _fingerprint(Path(path)) != known:
                return _("{path} was changed since it was made; move it away, then run `undo` again", path=path)
        return ""

    def _interpreter(self, workshop: Workshop) -> Path:
        python = (workshop.environment or workshop.project / ".dualano" / "env") / "bin" / "python"
        if not python.exists():
            raise RepairError(
                _(
                    "this needs the training environment, and {python} is not there; let `fix` make it first",
                    python=python,
                )
            )
        return python

    def _more_arguments(self, workshop: Workshop) -> list[str]:
        """What else the tool is told, for kinds that leave it a file in their folder."""
        return []

    def _slots(self, workshop: Workshop) -> list[Path]:
        """One for each output, the last first."""
        return [_slot(workshop, number) for number in reversed(range(len(self.outputs)))]

    def _put_back(self, before: images.Before, workshop: Workshop) -> None:
        """Removes what was made, what a killed tool was still making beside it too, and moves back what was there."""
        for half in Path(before.path).parent.glob(f".{glob.escape(Path(before.path).name)}.partial-*"):
            images.remove_tree(half)
        if before.kind == "absent" or os.path.lexists(before.image):
            images.remove_tree(Path(before.path))
        images.bring_back(before)


def _variables(workshop: Workshop) -> dict[str, str]:
    from ...system.bundle import bundle_root

    variables = scrubbed_environment() | {"PYTHONPATH": str(bundle_root()), "PYTHONNOUSERSITE": "1"}
    return variables | ({"HF_HUB_OFFLINE": "1"} if workshop.offline else {})


def _slot(workshop: Workshop, number: int) -> Path:
    folder = workshop.folder / f"output-{number}"
    folder.mkdir(exist_ok=True)
    return folder


def _fingerprint(path: Path) -> list[list[object]]:
    """What a file or tree is made of: relative names with size and modification time (contents may be gigabytes)."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    rows = ((file, file.lstat()) for file in files)
    return [[os.path.relpath(file, path), status.st_size, status.st_mtime_ns] for file, status in rows]
