"""Reads the tables of this folder, each at most once."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from ..versions import minor, numbers

_FOLDER = Path(__file__).resolve().parent
FRESH_DAYS = 90


@cache
def rows(table: str) -> tuple[dict[str, Any], ...]:
    """The rows of `<table>.json`. Raises FileNotFoundError for a table that does not exist."""
    return tuple(json.loads((_FOLDER / f"{table}.json").read_text(encoding="utf-8"))["rows"])


def torch_release(version: str) -> dict[str, Any] | None:
    """What was released for that torch ("2.2.0", local part ignored), or None for a torch not in the table."""
    release = version.partition("+")[0]
    return next((row for row in rows("torch_releases") if row["torch"] == release), None)


def xformers_release(version: str) -> dict[str, Any] | None:
    """What that xformers was built for, or None."""
    release = version.partition("+")[0]
    return next((row for row in rows("xformers_releases") if row["xformers"] == release), None)


def torch_architectures(version: str, cuda: str | None) -> tuple[str, ...] | None:
    """The architectures of that torch's build for Linux on x86_64, or None where no row tells."""
    try:
        release = minor(version)
    except ValueError:
        return None
    for row in rows("torch_architectures"):
        if row["torch"] == release and row["cuda"] == cuda:
            return tuple(row["architectures"])
    return None


def driver_for(cuda: str) -> tuple[str, str] | None:
    """(lowest, toolkit's own) Linux driver for that CUDA. An unlisted minor takes its major's lowest; None: no row."""
    same_major = [row for row in rows("drivers") if numbers(row["cuda"])[0] == numbers(cuda)[0]]
    exact = next((row for row in same_major if row["cuda"] == cuda), None)
    row = exact or (same_major[-1] if same_major else None)
    return (row["lowest"], row["toolkit"]) if row else None


def newest_driver(architecture: str) -> str:
    """The newest driver release that the tables know for that GPU: of the newest toolkit, or its last one."""
    newest = max((row["toolkit"] for row in rows("drivers")), key=numbers)
    last = next((row["last_driver"] for row in rows("gpus") if row["architecture"] == architecture), None)
    return str(last) if last and int(last) < numbers(newest)[0] else str(newest)


def run_need(what: str) -> int:
    """The bytes (or steps) of that row of `run_needs`. Raises StopIteration for an unknown one."""
    row = next(row for row in rows("run_needs") if row["what"] == what)
    return int(row.get("bytes") or row["steps"])


def python_ended(python: str, month: str) -> str:
    """The month ("2026-10") in which that Python got its last security fix, empty where that is not before `month`."""
    row = next((row for row in rows("python_life") if row["python"] == minor(python)), None)
    return row["end"] if row and row["end"] < month else ""


def old_tables(today: str) -> tuple[tuple[str, str, int], ...]:
    """(table, date of its newest look, days since) of those that nobody has looked at for FRESH_DAYS."""
    from datetime import date

    found = []
    for file in sorted(_FOLDER.glob("*.json")):
        newest = max((row.get("checked", "") for row in rows(file.stem)), default="")
        if newest and (days := (date.fromisoformat(today) - date.fromisoformat(newest)).days) > FRESH_DAYS:
            found.append((file.stem, newest, days))
    return tuple(found)
