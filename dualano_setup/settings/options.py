"""What the user asked for: flag beats DUALANO_ variable beats dualano.toml beats default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..language import LANGUAGES
from ..light_dataclasses import dataclass, field

if TYPE_CHECKING:
    from .suppressions import Suppression


SETTINGS_FILE = "dualano.toml"


STATE_FOLDER = ".dualano"


@dataclass(frozen=True, slots=True)
class Option:
    """One setting: its key in dualano.toml, its kind and its default."""

    key: str
    kind: str  # "path", "text", "flag", "whole", "choice"
    default: object = None
    choices: tuple[str, ...] = ()
    table: str = ""  # "" for the top level, "train" for [train]

    @property
    def variable(self) -> str:
        """The environment variable of the same name."""
        return "DUALANO_" + "_".join(filter(None, (self.table, self.key))).upper()


OPTIONS: tuple[Option, ...] = (
    Option("env", "path"),
    Option("checkout", "path"),
    Option("model", "path"),
    Option("data", "path"),
    Option("category", "text"),
    Option("anomaly", "text"),
    Option("foreground", "path"),
    Option("profile", "text"),
    Option("offline", "flag", False),
    Option("color", "choice", "auto", ("auto", "always", "never")),
    Option("lang", "choice", None, LANGUAGES),
    # Seconds for a look. A healthy machine needs a tenth of one; a driver that wakes up may need ten.
    Option("deadline", "whole", 15),
    Option("fail_on", "choice", "fail", ("warn", "fail")),
    Option("variant", "choice", "bcm", ("bcm", "dual"), "train"),
    Option("resolution", "whole", 512, table="train"),
    Option("batch_size", "whole", 2, table="train"),
    Option("gradient_accumulation_steps", "whole", 1, table="train"),
    Option("gradient_checkpointing", "flag", False, table="train"),
    Option("mixed_precision", "choice", "no", ("no", "fp16", "bf16"), "train"),
    Option("steps", "whole", 5000, table="train"),
    Option("rank", "whole", 32, table="train"),
    Option("learning_rate", "text", "2e-5", table="train"),
    Option("num_processes", "whole", 1, table="train"),
    Option("output", "path", table="train"),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting resolved. `said_by` tells where each value that is not a default came from.

    Paths are absolute. `project` is the folder that holds dualano.toml and .dualano/.
    """

    project: Path
    env: Path | None = None
    checkout: Path | None = None
    model: Path | None = None
    data: Path | None = None
    category: str | None = None
    anomaly: str | None = None
    foreground: Path | None = None
    profile: str | None = None
    offline: bool = False
    color: str = "auto"
    lang: str | None = None
    deadline: int = 15
    fail_on: str = "fail"
    variant: str = "bcm"
    resolution: int = 512
    batch_size: int = 2
    gradient_accumulation_steps: int = 1
    gradient_checkpointing: bool = False
    mixed_precision: str = "no"
    steps: int = 5000
    rank: int = 32
    learning_rate: str = "2e-5"
    num_processes: int = 1
    output: Path | None = None
    suppress: tuple[Suppression, ...] = ()
    said_by: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """The folder of everything this program keeps: environments, journal, runs."""
        return self.project / STATE_FOLDER
