"""Checkpoints that are complete or absent: written aside, verified, renamed; read only after a check.

`checkpoint-<step>/` holds the weights in upstream's names, the optimiser's state, and `trainer_state.json`
with the size and SHA-256 of each file. The folder gets its name last, so a folder of that name is whole.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..errors import TrainerError
from ..files.atomic import sync
from ..files.reading import read_text, sha256_of
from ..weights.adapter_file import read_weights, write_weights

STATE_NAME = "trainer_state.json"
OPTIMIZER_NAME = "optimizer.safetensors"
_FOLDER = re.compile(r"checkpoint-(\d+)$")
_PARTIAL = ".checkpoint-partial-"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A complete checkpoint.

    Attributes:
        folder: where it is.
        step: optimiser steps done.
        run: what the run that wrote it depended on.
    """

    folder: Path
    step: int
    run: dict[str, Any]

    def weights(self) -> dict[str, Tensor]:
        """The adapters' tensors by upstream's names."""
        return read_weights(self.folder).tensors

    def optimizer(self) -> dict[str, Tensor]:
        """The optimiser's tensors."""
        return load_file(self.folder / OPTIMIZER_NAME)


def save_checkpoint(
    output: Path,
    step: int,
    *,
    weights: Mapping[str, Tensor],
    optimizer: Mapping[str, Tensor],
    run: Mapping[str, Any],
    as_bin: bool = False,
) -> Path:
    """Write `checkpoint-<step>` into `output`; one that is there already is replaced.

    Raises:
        TrainerError: it cannot be written; nothing half-written keeps the name.
    """
    target = output / f"checkpoint-{step}"
    partial: Path | None = None
    try:
        output.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=output, prefix=_PARTIAL))
        partial.chmod(0o755)
        write_weights(partial, weights)
        if as_bin:
            write_weights(partial, weights, as_bin=True)
        state = {key: value.detach().cpu().contiguous() for key, value in optimizer.items()}
        save_file(state, partial / OPTIMIZER_NAME)
        sync(partial / OPTIMIZER_NAME)
        files = {path.name: _describe(path) for path in sorted(partial.iterdir())}
        header = {"schema": 1, "step": step, "run": dict(run), "files": files}
        (partial / STATE_NAME).write_text(json.dumps(header, indent=1), encoding="utf-8")
        sync(partial / STATE_NAME)
        sync(partial)
        if target.exists():
            _discard(target)
        os.replace(partial, target)  # noqa: PTH105 - the name says that it replaces
        sync(output)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise TrainerError(
            f"Cannot write {target}: {error}. Earlier checkpoints are untouched. Free space, then resume "
            "with --resume_from_checkpoint latest."
        ) from error
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
    return target


def limit_checkpoints(output: Path, keep: int | None, newest: int) -> None:
    """Remove the oldest checkpoints beyond `keep`, counted from step `newest`, which has just been written.

    Later ones are not counted: they were passed over when resuming, and must not push out what is good.
    """
    if keep is not None:
        for folder in [f for f in checkpoint_folders(output) if step_of(f) <= newest][:-keep]:
            _discard(folder)


def remove_partial_checkpoints(output: Path) -> None:
    """Remove what killed runs left half-written; nobody else may be writing into `output`."""
    for leftover in output.glob(f"{_PARTIAL}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _discard(folder: Path) -> None:
    """Remove a checkpoint; its name goes first, so that no kill leaves half of one under it."""
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=_PARTIAL))
    folder.replace(aside / folder.name)
    shutil.rmtree(aside, ignore_errors=True)


def checkpoint_folders(output: Path) -> list[Path]:
    """The `checkpoint-<n>` folders in `output`, oldest step first."""
    if not output.is_dir():
        return []
    return sorted((path for path in output.iterdir() if _FOLDER.fullmatch(path.name)), key=step_of)


def step_of(folder: Path) -> int:
    """The n of a `checkpoint-<n>` folder."""
    return int(folder.name.removeprefix("checkpoint-"))


def open_checkpoint(folder: Path) -> Checkpoint:
    """A checkpoint whose files are all there with the recorded size and hash.

    Raises:
        TrainerError: says what is wrong with it.
    """
    files, step, run = read_header(folder)
    for name, expected in files.items():
        path = folder / name
        try:
            seen = _describe(path) if path.is_file() else None
        except OSError as error:
            raise TrainerError(f"The checkpoint {folder} cannot be read: {name} ({error.strerror}).") from error
        if seen != expected:
            raise TrainerError(
                f"The checkpoint {folder} is damaged: {name} is {'different' if seen else 'missing'}. "
                "Remove the folder to resume from an earlier one."
            )
    return Checkpoint(folder, step, run)


def read_header(folder: Path) -> tuple[dict[str, Any], int, dict[str, Any]]:
    """Files, step and run that a checkpoint's `trainer_state.json` records.

    Raises:
        TrainerError: there is none that can be read.
    """
    try:
        header = json.loads(read_text(folder / STATE_NAME))
        return dict(header["files"]), int(header["step"]), dict(header["run"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise TrainerError(
            f"{folder} is not a checkpoint of this trainer: cannot read {STATE_NAME} ({error}). "
            "Start from bare weights with --initial_weights instead."
        ) from error


def _describe(path: Path) -> dict[str, Any]:
    """Size and SHA-256 of a file."""
    return {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
