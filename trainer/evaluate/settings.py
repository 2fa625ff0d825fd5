"""What to evaluate, by the names of the flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TASKS = ("localisation", "classification", "quality")


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """What to evaluate; `--help` explains each. `changes` are constants of the protocol that were asked for
    otherwise.
    """

    generated: Sequence[Path]
    dataset: Path
    output: Path
    category: Sequence[str] = ()
    anomaly: Sequence[str] = ()
    trained_on: Sequence[Path] = ()
    protocol: str = "strict"
    trainings: Sequence[str] = ("generated", "real", "augmentation", "cutpaste", "none")
    tasks: Sequence[str] = TASKS
    device: str = "auto"
    mixed_precision: str = "no"
    allow_leakage: bool = False
    plan: bool = False
    json: bool = False
    changes: Mapping[str, int] = field(default_factory=dict)
