"""Plans the base model's pickled weights as safetensors, made by the trainer's reader that runs nothing of a pickle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ...facts.fact import value
from ...facts.sheet import BaseModel
from ...language import _
from ...rules.finding import Finding
from ...rules.rule import Context
from ...system.files import plain_error, read_whole
from ..action import Planned
from ..actions.files import WriteFile
from ..actions.tensor_names import safetensors_name
from ..actions.tool import RunTrainerTool

RULES = ("SEC001",)
_MAX_INDEX = 1 << 22


def plan(context: Context, findings: Sequence[Finding], into: Path | None = None) -> Planned:
    """One conversion a file, and the index where they are shards. The pickled files stay where they are.

    The safetensors go beside them, where both libraries prefer them, or into the mended copy `into`, which has no
    pickles of its own.
    """
    model = value(context.sheet.model)
    if not findings or model is None:
        return Planned()
    source = Path(model.path)
    whole = [name for name in model.pickled if name.endswith(".bin")]
    left = tuple(name for name in model.pickled if name not in whole)
    planned = Planned(tuple(_convert(source / name, (into or source) / safetensors_name(name)) for name in whole))
    for name in pickled_indexes(model):
        planned += _index(source / name, (into or source) / safetensors_name(name))
    if left:
        note = _("{left}: not of a kind this can convert; download the safetensors files", left=", ".join(left))
        planned += Planned(notes=(note,))
    return planned


def pickled_indexes(model: BaseModel) -> tuple[str, ...]:
    """The indexes of parts whose pickles are shards, as `part/name`."""
    folders = {name.rpartition("/")[0] for name in model.pickled if "-of-" in name}
    files = ("pytorch_model.bin.index.json", "diffusion_pytorch_model.bin.index.json")
    named = (f"{folder}/{file}" for folder in sorted(folders) for file in files)
    return tuple(name for name in named if (Path(model.path) / name).is_file())


def _convert(source: Path, target: Path) -> RunTrainerTool:
    return RunTrainerTool(
        module="trainer.convert",
        arguments=("--source", str(source), "--target", str(target)),
        outputs=(target,),
        rules=RULES,
        why=_("the tensors of {source}, read without running its pickle", source=source.name),
    )


def _index(source: Path, target: Path) -> Planned:
    """The index of the shards' safetensors: the same tensors in the files' new names."""
    try:
        index = json.loads(read_whole(source, _MAX_INDEX))
        index["weight_map"] = {name: safetensors_name(file) for name, file in index["weight_map"].items()}
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        return Planned(notes=(f"{source}: {plain_error(error)}",))
    content = (json.dumps(index, indent=2, ensure_ascii=False) + "\n").encode()
    return Planned((WriteFile(target, content, "", RULES, _("which of the converted files has which tensor")),))
