"""What a run's folder says about it, as small JSON files that are each whole or absent.

`run.json` is written before anything starts, `process.json` once the supervisor lives, `stop.json` when somebody asks
the run to end, and `exit.json` by the supervisor when it has ended.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from ..system.atomic import write_synced
from ..system.files import read_whole
from ..system.processes import Identity

SCHEMA = 1


_MAX_RECORD = 1 << 22  # bytes; argument lists are the longest part


_MAX_NUMBER = 1e11  # seconds since the epoch of the year 5138; no step, status or process number comes near


Record = TypeVar("Record", bound="RunRecord | ProcessRecord | StopRequest | ExitRecord")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What was started. `environment` holds only the variables set (None: removed) for the run."""

    name: str
    key: str  # in the environment of every process of the run, by which they are found
    trainer: str  # "bundled" or "checkout"
    argv: tuple[str, ...]
    folder: str  # the working folder
    environment: dict[str, str | None]
    output: str
    steps: int
    host: str
    created: float  # seconds since the epoch
    detached: bool = False
    metrics: str = ""  # metrics.jsonl; "" where the trainer writes none
    boot: str = ""  # this start of the machine, and the PID namespace it runs in: only there are its processes seen
    namespace: str = ""  # "" in records of older versions
    together: tuple[str, ...] = ()  # names of the runs that were started as one, this one among them; none: it is alone
    launched: tuple[str, ...] = ()  # of the first of those: what was started for all; `argv` is each one's as if alone
    schema: int = SCHEMA


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """The processes that carry a run: the supervisor and the launcher it started."""

    supervisor: Identity
    launcher: Identity | None
    started: float


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Somebody wants the run to end. `by`: "stop", "ctrl-c", "terminal" (lost), "system" (shutting down)."""

    by: str
    at: float
    now: bool = False


@dataclass(frozen=True, slots=True)
class ExitRecord:
    """How a run ended. `status` is the launcher's (negative: a signal), `trainer` the training process's if known."""

    status: int
    ended: float
    trainer: int | None = None
    cause: tuple[str, ...] = ()  # last lines that say why, oldest first
    problem: str = ""  # why nothing could be started at all


def write(record: RunRecord | ProcessRecord | StopRequest | ExitRecord, file: Path) -> None:
    """Writes one record atomically. Raises OSError."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    write_synced(temporary, json.dumps(asdict(record), indent=1).encode(), 0o644)
    temporary.replace(file)


def read(kind: type[Record], file: Path) -> Record | None:
    """The record, or None when there is none or it is not one of ours (a run of another version, a damaged disk)."""
    try:
        return kind(**_values(kind, json.loads(read_whole(file, _MAX_RECORD))))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def _values(kind: type[Any], row: dict[str, Any]) -> dict[str, Any]:
    """The known fields of a row. Raises ValueError where one is of another kind: the file may be anybody's."""
    kinds = {f.name: str(f.type) for f in fields(kind)}
    return {key: _revive(kinds[key], value) for key, value in row.items() if key in kinds}


def _revive(kind: str, value: Any) -> Any:
    if kind.startswith("Identity") and isinstance(value, dict):
        return Identity(**_values(Identity, value))
    fits = {
        "str": isinstance(value, str),
        "bool": isinstance(value, bool),
        "int": type(value) is int and abs(value) < _MAX_NUMBER,
        "float": type(value) in (int, float) and math.isfinite(value) and abs(value) < _MAX_NUMBER,
        "None": value is None,
        "tuple[str, ...]": isinstance(value, list) and all(isinstance(item, str) for item in value),
        "dict[str, str | None]": isinstance(value, dict)
        and all(item is None or isinstance(item, str) for item in value.values()),
    }
    if not (fits.get(kind) or any(fits.get(one) for one in kind.split(" | "))):
        raise ValueError(f"{value!r:.80} is no {kind}")
    return tuple(value) if isinstance(value, list) else value
