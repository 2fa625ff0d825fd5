"""What an export is made of, as its flags say it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

#: How real images are divided; data/split.py explains both.
Protocol = Literal["strict", "paper"]


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """What to export, by the names of the flags; `--help` explains each."""

    generated: Sequence[Path]
    dataset: Path
    category: str
    anomaly: Sequence[str]
    format: str
    output: Path
    split: Protocol = "strict"
    trained_on: Sequence[Path] = ()
    allow_leakage: bool = False
    paste: bool = False
