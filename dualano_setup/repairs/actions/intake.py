"""The action that brings a data set into the project by the trainer's own tool."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ...language import _
from ...system import atomic
from ..action import Cost, Workshop
from .tool import RunTrainerTool


@dataclass(frozen=True, slots=True)
class BringData(RunTrainerTool):
    """Run the tool with `job`, which picture goes where, as a file (`--job`).

    `plain`: nothing but links or copies is made, for which the standard library suffices; where there is no training
    environment, this program's own Python makes them.
    """

    kind: ClassVar[str] = "bring-data"

    job: bytes = b""
    plain: bool = False

    def details(self) -> str:
        """The folders that are made."""
        return _("new: {outputs}", outputs=", ".join(map(str, self.outputs)))

    def cost(self) -> Cost:
        """Links take no room; what masks take is not known before."""
        return Cost(seconds=5.0)

    def _interpreter(self, workshop: Workshop) -> Path:
        own = workshop.environment or workshop.project / ".dualano" / "env"
        if self.plain and not (own / "bin" / "python").exists():
            return Path(sys.executable)
        return RunTrainerTool._interpreter(self, workshop)

    def _more_arguments(self, workshop: Workshop) -> list[str]:
        job = workshop.folder / "job.json"
        atomic.write_synced(job, self.job, 0o600)
        return ["--job", str(job)]
