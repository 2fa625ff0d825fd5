"""`[campaign]` in dualano.toml, or its flags: what a campaign trains, and where.

    [campaign]
    categories = ["bottle", "c*"]     # without it: all
    anomalies = ["*"]                 # of each: names, globs, or "category/anomaly"
    accepted = 500                    # pairs that `generate` is to accept for each anomaly
    executor = "local"                # local, slurm or ssh

Imported only where there is such a table, or by `dualano-doctor campaign`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..language import _
from ..light_dataclasses import dataclass, fields

if TYPE_CHECKING:
    from pathlib import Path

STEPS = ("train", "generate", "masks", "export", "evaluate")
EXECUTORS = ("local", "slurm", "ssh")
_FORMATS = ("anomalib", "coco", "mvtec", "yolo")
_PROGRAM = ("executor", "steps", "format")


@dataclass(frozen=True, slots=True)
class CampaignSettings:
    """What is to be done, and where. `None` and empty mean: as the step itself has it.

    `*_arguments` reach the trainer's program behind `--`. `hosts`: "user@box", or "user@box:0,1" with the GPUs to use.
    `lease`: seconds without a sign of life after which another worker may take a job over.
    """

    name: str = "campaign"
    categories: tuple[str, ...] = ("*",)
    anomalies: tuple[str, ...] = ("*",)
    steps: tuple[str, ...] = STEPS
    accepted: int = 500
    limit: int | None = None
    format: str = "mvtec"
    protocol: str | None = None
    train_arguments: tuple[str, ...] = ()
    generate_arguments: tuple[str, ...] = ()
    keep_checkpoints: bool = False
    executor: str = "local"
    gpus: tuple[str, ...] = ()
    workers: int | None = None
    retries: int = 2
    lease: int = 120
    notify: str | None = None
    account: str | None = None
    partition: str | None = None
    gres: str | None = None
    time: str | None = None
    container: str | None = None
    sbatch_arguments: tuple[str, ...] = ()
    warn_seconds: int = 180
    hosts: tuple[str, ...] = ()
    python: str | None = None


_DEFAULTS = CampaignSettings()
_WHOLE = ("accepted", "limit", "workers", "lease", "warn_seconds")
KEYS = fields(CampaignSettings)


def read_campaign(table: object, file: Path | str) -> dict[str, Any]:
    """The values that `[campaign]` gives. Raises UsageError, naming the key, for an unknown one or a wrong value."""
    if not isinstance(table, Mapping):
        raise UsageError(_("{file}: `campaign` is written as a table: [campaign]", file=file))
    values = {}
    for key, value in table.items():
        if key not in KEYS:
            known = ", ".join(KEYS)
            raise UsageError(_("{file}: unknown key `{name}`. Known here: {near}.", file=file, name=f"campaign.{key}",
                               near=known))  # fmt: skip
        values[key] = typed(key, value, _("{file}: `{name}`", file=file, name=f"campaign.{key}"))
    return values


def typed(key: str, value: object, place: str) -> Any:
    """The value of one key as it is kept. Raises UsageError that begins with `place`."""
    default = getattr(_DEFAULTS, key)
    if isinstance(default, tuple):
        return _texts(key, value, place)
    if isinstance(default, bool):
        if isinstance(value, bool):
            return value
        raise _wrong(place, value, _("true or false"))
    if key in (*_WHOLE, "retries"):
        lowest = 0 if key == "retries" else 1
        number = int(value) if isinstance(value, str) and value.isdigit() else value
        if type(number) is int and lowest <= number < 10**9:
            return number
        raise _wrong(place, value, _("a whole number above 0") if lowest else _("a whole number, 0 or above"))
    if not isinstance(value, str) or not value or "\0" in value or "\n" in value:
        raise _wrong(place, value, _("text"))
    choices = {"executor": EXECUTORS, "format": _FORMATS}.get(key)
    if choices and value not in choices:
        raise _wrong(place, value, _(" or ").join(choices))
    if key == "name" and not _is_name(value):
        raise _wrong(place, value, _("a name of letters, digits, dots, hyphens and underscores"))
    return value


def settled(*layers: Mapping[str, Any]) -> CampaignSettings:
    """The settings from several layers, the first of which wins. Raises UsageError for steps that cannot follow."""
    values: dict[str, Any] = {}
    for layer in reversed(layers):
        values |= layer
    return CampaignSettings(**values)


def _texts(key: str, value: object, place: str) -> tuple[str, ...]:
    rows = [value] if isinstance(value, (str, int)) and not isinstance(value, bool) else value
    if not isinstance(rows, (list, tuple)) or not rows:
        raise _wrong(place, value, _("a list of texts"))
    texts = tuple(str(row) if type(row) is int else row for row in rows)
    if not all(isinstance(text, str) and text and "\0" not in text and "\n" not in text for text in texts):
        raise _wrong(place, value, _("a list of texts"))
    if key == "steps":
        if strange := [text for text in texts if text not in STEPS]:
            raise _wrong(place, strange[0], _(" or ").join(STEPS))
        return tuple(step for step in STEPS if step in texts)
    return texts


def _is_name(text: str) -> bool:
    return text[0].isalnum() and all(letter.isalnum() or letter in "._-" for letter in text) and text.isascii()


def _wrong(place: str, value: object, expected: str) -> UsageError:
    return UsageError(_("{place} is {value!r}, expected {expected}.", place=place, value=value, expected=expected))
