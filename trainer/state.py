"""Checkpoints that are complete or absent: written aside, verified, renamed; read only after a check.

`checkpoint-<step>/` holds the weights in upstream's names, the optimiser's state, and `trainer_state.json`
with the size and SHA-256 of each file. The folder gets its name last, so a folder of that name is whole.
"""

from __future__ import annotations

import hashlib
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

from .checkpoint import read_weights, sync, write_weights
from .errors import TrainerError

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
            shutil.rmtree(target)
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


def limit_checkpoints(output: Path, keep: int | None) -> None:
    """Remove the oldest checkpoints beyond `keep`, and what killed runs left half-written."""
    for leftover in output.glob(f"{_PARTIAL}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    if keep is not None:
        for folder in checkpoint_folders(output)[:-keep]:
            shutil.rmtree(folder, ignore_errors=True)


def checkpoint_folders(output: Path) -> list[Path]:
    """The `checkpoint-<n>` folders in `output`, oldest step first."""
    if not output.is_dir():
        return []
    found = [(int(match[1]), path) for path in output.iterdir() if (match := _FOLDER.fullmatch(path.name))]
    return [path for _, path in sorted(found)]


def open_checkpoint(folder: Path) -> Checkpoint:
    """A checkpoint whose files are all there with the recorded size and hash.

    Raises:
        TrainerError: says what is wrong with it.
    """
    try:
        header = json.loads((folder / STATE_NAME).read_text(encoding="utf-8"))
        files, step, run = header["files"], int(header["step"]), dict(header["run"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainerError(
            f"{folder} is not a checkpoint of this trainer: cannot read {STATE_NAME} ({error}). "
            "Start from bare weights with --initial_weights instead."
        ) from error
    for name, expected in files.items():
        path = folder / name
        seen = _describe(path) if path.is_file() else None
        if seen != expected:
            raise TrainerError(
                f"The checkpoint {folder} is damaged: {name} is {'different' if seen else 'missing'}. "
                "Remove the folder to resume from an earlier one."
            )
    return Checkpoint(folder, step, run)


def find_checkpoint(output: Path, wish: str) -> tuple[Checkpoint | None, list[str]]:
    """The checkpoint that `--resume_from_checkpoint` asks for.

    Args:
        output: the output folder.
        wish: `latest`, `auto` or a checkpoint folder (also by its bare name).

    Returns:
        The checkpoint (None only for `auto` where there is no checkpoint folder at all), and notices about
        damaged ones that were passed over.

    Raises:
        TrainerError: there is none that is complete.
    """
    if wish not in ("latest", "auto"):
        named = [path for path in (Path(wish), output / wish) if path.is_dir()]
        if not named:
            raise TrainerError(f"The checkpoint {wish} does not exist; {_what_there_is(output)}.")
        return open_checkpoint(named[0]), []
    folders = checkpoint_folders(output)
    notices: list[str] = []
    for folder in reversed(folders):
        try:
            return open_checkpoint(folder), notices
        except TrainerError as error:
            notices.append(str(error))
    if wish == "auto" and not folders:
        return None, [f"no checkpoint in {output} yet: starting from step 0"]
    raise TrainerError(
        " ".join([f"Nothing to resume from: {_what_there_is(output)}, none of them complete.", *notices])
        if folders
        else f"Nothing to resume from: {_what_there_is(output)}. Leave --resume_from_checkpoint out to "
        "start from step 0."
    )


def check_same_run(saved: Mapping[str, Any], run: Mapping[str, Any]) -> list[str]:
    """Compare what two runs depend on.

    Returns:
        A notice for each difference that changes the trajectory but can be wanted.

    Raises:
        TrainerError: the weights do not fit.
    """
    differs = [key for key in run if saved.get(key) != run[key]]
    fatal = [key for key in differs if key in ("variant", "rank", "train_text_encoder")]
    if fatal:
        pairs = ", ".join(f"{key} was {saved.get(key)!r}, now {run[key]!r}" for key in fatal)
        raise TrainerError(f"The checkpoint belongs to another kind of run: {pairs}. Use the same flags.")
    return [f"resuming with another {key}: was {saved.get(key)!r}, now {run[key]!r}" for key in differs]


def _what_there_is(output: Path) -> str:
    """What checkpoints a folder has, for a message."""
    names = [path.name for path in checkpoint_folders(output)]
    return f"{output} holds {', '.join(names)}" if names else f"{output} holds no checkpoint-<step> folder"


def _describe(path: Path) -> dict[str, Any]:
    """Size and SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return {"bytes": path.stat().st_size, "sha256": digest.hexdigest()}
