"""Every setting in one table, and the record that holds them resolved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..language import LANGUAGES, N_
from ..light_dataclasses import dataclass, field, replace

if TYPE_CHECKING:
    from .suppressions import Suppression


SETTINGS_FILE = "dualano.toml"


STATE_FOLDER = ".dualano"


@dataclass(frozen=True, slots=True)
class Option:
    """One setting, said once: the key, the comment and the sample in dualano.toml, the variable and the flag derive.

    `kind`: "path", "text", "texts" (one or several), "flag", "whole" (a number above 0) or "choice". `comment`
    explains it in dualano.toml;
    `help` is the help of its flag, None where it has none. `command` is the only command with that flag, "" for all.
    """

    key: str
    kind: str
    comment: str
    help: str | None = None
    choices: tuple[str, ...] = ()
    table: str = ""  # "" for the top level, "train" for [train]
    command: str = ""

    @property
    def variable(self) -> str:
        """The environment variable of the same name."""
        return "DUALANO_" + "_".join(filter(None, (self.table, self.key))).upper()

    @property
    def flag(self) -> str:
        """The flag of the same name."""
        return f"--{self.key.replace('_', '-')}"

    @property
    def default(self) -> object:
        """Its value where nobody said another."""
        return getattr(Settings(Path()), self.key)

    @property
    def sample(self) -> object:
        """A value of its kind: the default, else what a default would look like."""
        if self.default is not None:
            return self.default
        return self.choices[0] if self.choices else _SAMPLES[self.kind]

    @property
    def metavar(self) -> str:
        """What stands for the value in the flag's help."""
        return _SAMPLES[self.kind].upper()


_SAMPLES = {"path": "path", "text": "name", "texts": "name"}
_MODEL = N_("Stable Diffusion 1.5 folder in diffusers layout")
_DATA = N_("MVTec AD root: the folder that holds the categories")
_OFFLINE = N_("never open a connection")

OPTIONS: tuple[Option, ...] = (
    Option(
        "env",
        "path",
        N_("training environment; without it .dualano/env, which `dualano-doctor fix` makes"),
        N_("training environment (default: dualano.toml, else .dualano/env, else the active one)"),
    ),
    Option(
        "checkout",
        "path",
        N_("clone of the authors' repository; only `train --trainer checkout` and `patch` need it"),
        N_("clone of the authors' repository"),
    ),
    Option("model", "path", _MODEL, _MODEL),
    Option(
        "data",
        "path",
        N_(
            "MVTec AD root: <category>/train/good, <category>/test/<anomaly>, <category>/ground_truth/<anomaly> in it; "
            "`dualano-doctor import` makes it of other layouts"
        ),
        _DATA,
    ),
    Option("category", "text", N_("category to train on"), N_("category to train on, e.g. toothbrush")),
    Option(
        "anomaly",
        "texts",
        N_('anomaly to learn: a folder below <category>/test; ["a", "b"]: several, trained together'),
        N_("anomaly to learn, e.g. defective; given several times, they train together"),
    ),
    Option(
        "foreground",
        "path",
        N_("object masks: <category>/<anomaly>/<image> and <category>/good/<image> below it"),
        N_("object masks, <category>/<anomaly>/<image> below it"),
    ),
    Option(
        "profile",
        "text",
        N_("stack to check against; without it the one that suits this machine"),
        N_("stack to check against (default: the one that suits this machine)"),
    ),
    Option(
        "trainer",
        "choice",
        N_(
            "bundled or checkout: which trainer `train` starts and rows are judged for; without it the bundled one "
            "trains and rows of both are shown"
        ),
        N_("the bundled trainer, or the checkout's own patched one (default: bundled, and `check` shows rows of both)"),
        choices=("bundled", "checkout"),
    ),
    Option("offline", "flag", _OFFLINE, _OFFLINE),
    Option(
        "color",
        "choice",
        N_("auto, always or never"),
        N_("default auto; NO_COLOR is followed"),
        choices=("auto", "always", "never"),
    ),
    Option(
        "lang",
        "choice",
        N_("language of the messages: en or zh-TW; without it as LANG says"),
        N_("language of the messages (default: as LANG says)"),
        choices=LANGUAGES,
    ),
    # A healthy machine needs a tenth of a second; a driver that wakes up may need ten.
    Option("deadline", "whole", N_("seconds for a look at everything; more for slow network disks")),
    Option(
        "fail_on",
        "choice",
        N_("when `check` ends with exit status 1: fail, or warn as well"),
        N_("what gives exit status 1 (default: fail)"),
        choices=("warn", "fail"),
        command="check",
    ),
    Option(
        "variant",
        "choice",
        N_("bcm (with background module) or dual (without)"),
        choices=("bcm", "dual"),
        table="train",
    ),
    Option("resolution", "whole", N_("side of the training images in pixels"), table="train"),
    Option("batch_size", "whole", N_("samples per device and pass"), table="train"),
    Option("gradient_accumulation_steps", "whole", N_("passes per step"), table="train"),
    Option("gradient_checkpointing", "flag", N_("a quarter slower, much less memory"), table="train"),
    Option(
        "mixed_precision",
        "choice",
        N_("no, fp16 or bf16 (Ampere and later)"),
        choices=("no", "fp16", "bf16"),
        table="train",
    ),
    Option("steps", "whole", N_("optimiser steps"), table="train"),
    Option("rank", "whole", N_("LoRA rank"), table="train"),
    Option("learning_rate", "text", N_("of AdamW"), table="train"),
    Option("num_processes", "whole", N_("GPUs to train on"), table="train"),
    Option(
        "output",
        "path",
        N_("where weights and checkpoints go; without it each run has a folder of its own"),
        table="train",
    ),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting resolved. `said_by` tells where each value that is not a default came from.

    `anomalies` are all where several are named, the first of which `anomaly` is; else it is empty.
    Paths are absolute. `project` is the folder that holds dualano.toml and .dualano/.
    """

    project: Path
    env: Path | None = None
    checkout: Path | None = None
    model: Path | None = None
    data: Path | None = None
    category: str | None = None
    anomaly: str | None = None
    anomalies: tuple[str, ...] = ()
    foreground: Path | None = None
    profile: str | None = None
    trainer: str | None = None
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
    campaign: Mapping[str, Any] = field(default_factory=dict)
    said_by: Mapping[str, str] = field(default_factory=dict)

    def each(self) -> tuple[Settings, ...]:
        """The settings with one anomaly at a time."""
        return tuple(replace(self, anomaly=name, anomalies=()) for name in self.anomalies) or (self,)

    @property
    def state(self) -> Path:
        """The folder of everything this program keeps: environments, journal, runs."""
        return self.project / STATE_FOLDER
