"""What every executor understands: an order for a job, and the four verbs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Order:
    """A job to be started. `place`: one of the executor's, "" where it chooses; `avoid`: hosts not to use."""

    job: str
    place: str = ""
    avoid: tuple[str, ...] = ()


class Executor(Protocol):
    """Where jobs run. No scheduler: it starts supervisors, and tells which of them are still there."""

    @property
    def places(self) -> tuple[str, ...] | None:
        """What takes one job at a time each; None where somebody else has a queue."""

    def submit(self, orders: Sequence[Order]) -> None:
        """Starts supervisors for these jobs. Raises WorkError when that cannot be done."""

    def poll(self) -> set[str]:
        """The jobs that were submitted (by this process or an earlier one) and are waiting or running."""

    def cancel(self, jobs: Iterable[str]) -> None:
        """Ends these jobs' supervisors, who end their commands."""

    def logs(self, job: str) -> Path:
        """Where a job's supervisor writes."""


def supervisor_command(python: str, root: Path, job: str, *more: str) -> list[str]:
    """The command line of a job's supervisor."""
    return [python, "-m", "dualano_setup.campaigns.supervise", str(root), job, *more]


def package_path() -> str:
    """The folder that holds this package, for PYTHONPATH."""
    return str(Path(__file__).resolve().parents[3])


def with_package(variables: dict[str, str]) -> dict[str, str]:
    """An environment in which a supervisor finds this very package."""
    path = os.pathsep.join(filter(None, (package_path(), variables.get("PYTHONPATH", ""))))
    return variables | {"PYTHONPATH": path}


def this_python() -> str:
    """The interpreter that runs this program."""
    return sys.executable
