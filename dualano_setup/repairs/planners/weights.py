"""Plans the base model's pickled weights as safetensors, made by the trainer's reader that runs nothing of a pickle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ...facts.fact import value
from ...language import _
from ...rules.finding import Finding
from ...rules.rule import Context
from ..action import Planned
from ..actions.tool import RunTrainerTool

RULES = ("SEC001",)
_NAMES = {"pytorch_model.bin": "model.safetensors"}
"""transformers names its two formats differently; diffusers only changes the suffix."""


def plan(context: Context, findings: Sequence[Finding]) -> Planned:
    """One conversion a file. The pickled file stays: both libraries prefer the safetensors file beside it."""
    model = value(context.sheet.model)
    if not findings or model is None:
        return Planned()
    root = Path(model.path)
    whole = [name for name in model.pickled if name.endswith(".bin")]
    left = tuple(name for name in model.pickled if name not in whole)
    notes = (
        (_("{left}: not of a kind this can convert; download the safetensors files", left=", ".join(left)),)
        if left
        else ()
    )
    return Planned(tuple(_convert(root / name) for name in whole), notes)


def _convert(source: Path) -> RunTrainerTool:
    name = PurePosixPath(source.name)
    target = source.with_name(_NAMES.get(source.name, f"{name.stem}.safetensors"))
    return RunTrainerTool(
        module="trainer.convert",
        arguments=("--source", str(source), "--target", str(target)),
        outputs=(target,),
        rules=RULES,
        why=_("the tensors of {source}, read without running its pickle", source=source.name),
    )
