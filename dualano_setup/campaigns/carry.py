"""What an earlier try of a step left is carried into the next try's own folder: whoever is late writes into his."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

_GROWS = (".jsonl", ".json", ".txt", ".csv", ".log")
TRAINING_LIST = "trainer_state.json"
STEPS_THAT_GO_ON = ("train", "generate")


def folder_of(job: Path, step: str, claim: int) -> Path:
    """Where a try of a step writes."""
    return job / f"{step}.{claim}"


def tries_of(job: Path, step: str) -> list[Path]:
    """The folders of all tries of a step, oldest first."""
    found = [path for path in job.glob(f"{step}.*") if path.suffix[1:].isdecimal() and path.is_dir()]
    return sorted(found, key=lambda path: int(path.suffix[1:]))


def carry_on(job: Path, step: str, claim: int) -> Path:
    """The folder of this try, with what the newest earlier one had finished. Raises OSError for a full disk."""
    target = folder_of(job, step, claim)
    if target.exists() or step not in STEPS_THAT_GO_ON:
        shutil.rmtree(target, ignore_errors=True)
        return target
    earlier = next((path for path in reversed(tries_of(job, step)) if any(path.iterdir())), None)
    if earlier is not None:
        _copy(earlier, target)
    return target


def keep_training_list(folder: Path) -> None:
    """Copies the list of what trained out of a checkpoint: exports and evaluations leave those images out."""
    found = sorted(folder.glob(f"checkpoint-*/{TRAINING_LIST}"), key=lambda file: file.stat().st_mtime)
    if found:
        shutil.copyfile(found[-1], folder / TRAINING_LIST)


def clear_tries(job: Path, step: str, kept: str, *, checkpoints: bool) -> None:
    """After a commit: the other tries' folders go, and the checkpoints of the kept one where `checkpoints` says so."""
    for path in tries_of(job, step):
        if path.name != kept:
            shutil.rmtree(path, ignore_errors=True)
    if checkpoints:
        for path in (job / kept).glob("checkpoint-*"):
            shutil.rmtree(path, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    target.mkdir()
    for entry in os.scandir(source):
        if entry.name.startswith("."):  # locks, and what was half written
            continue
        place = target / entry.name
        if entry.is_dir(follow_symlinks=False):
            _copy(Path(entry.path), place)
        elif entry.is_file(follow_symlinks=False):
            _bring(Path(entry.path), place)


def _bring(source: Path, target: Path) -> None:
    """One file. What is replaced and never written into is linked; what has gone meanwhile is passed over."""
    with contextlib.suppress(FileNotFoundError):
        if source.suffix not in _GROWS and not source.name.startswith("events."):
            with contextlib.suppress(OSError):
                os.link(source, target)
                return
        shutil.copy2(source, target)
