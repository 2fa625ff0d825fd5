"""The base model as a fact: its index, its parts, and whether each file is whole. Headers only, nothing unpickled."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ...language import _
from ...system.files import NotRegularError, list_folder, plain_error, read_whole
from ..fact import Absent, Fact, Known, Unknown
from ..sheet import BaseModel, ModelPart
from .model_part import read_part_folder
from .weights_file import is_pointer

if TYPE_CHECKING:
    from ...settings.options import Settings

INDEX = "model_index.json"
ESSENTIAL = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
"""The parts of a Stable Diffusion 1.x folder that training reads."""
_MAX_JSON = 1 << 20
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_SINGLE = (".safetensors", ".ckpt", ".bin", ".pt")


def probe(settings: Settings) -> Fact[BaseModel]:
    """Look at the base model's folder."""
    if settings.model is None:
        return Absent(_("no base model is named (--model, or `model` in dualano.toml)"))
    path = settings.model
    try:
        listing = list_folder(path)
    except FileNotFoundError:
        name = _hub_id(path, settings.project)
        return Known(BaseModel(str(path), False, is_hub_id=bool(name), hub_id=name), str(path))
    except NotADirectoryError:
        return Known(BaseModel(str(path), True, single_file=str(path)), str(path))
    except (OSError, ValueError) as error:
        return Unknown(plain_error(error), str(path))
    index, problem = read_json(path / INDEX)
    if index is None and not problem:
        single = next((n for n in listing.files if n.endswith(_SINGLE)), "")
        model = BaseModel(
            str(path),
            True,
            parts=tuple(_parts(path, {}, listing.folders)),
            single_file=str(path / single) if single else "",
            nested_hint=_model_below(path, listing.folders),
        )
        return Known(model, str(path))
    return Known(_described(path, index, problem, listing.folders), str(path))


def _described(path: Path, index: dict[str, object] | None, problem: str, folders: tuple[str, ...]) -> BaseModel:
    parts = tuple(_parts(path, index or {}, folders))
    unet = next((part.config for part in parts if part.name == "unet"), None) or {}
    return BaseModel(
        str(path),
        True,
        index=index,
        index_error=problem,
        parts=parts,
        pickled=tuple(f"{part.name}/{file}" for part in parts for file in _pickled(part)),
        named_but_absent=tuple(name for name in _named(index or {}) if name not in folders and name not in ESSENTIAL),
        cross_attention_dim=_whole(unet.get("cross_attention_dim")),
        sample_size=_whole(unet.get("sample_size")),
    )


def read_json(path: Path) -> tuple[dict[str, object] | None, str]:
    """(mapping, problem) of a JSON file; (None, "") where there is none."""
    try:
        data = read_whole(path, _MAX_JSON)
    except (FileNotFoundError, NotADirectoryError):
        return None, ""
    except (NotRegularError, OSError) as error:
        return None, plain_error(error)
    if is_pointer(data):
        return None, _("{path} is a Git LFS pointer file", path=path.name)
    try:
        loaded = json.loads(data)
    except (ValueError, RecursionError) as error:
        return None, _("{path} is not valid JSON: {error}", path=path.name, error=error)
    if not isinstance(loaded, dict):
        return None, _("{path} holds a {kind} where an object is expected", path=path.name, kind=type(loaded).__name__)
    return loaded, ""


def _parts(path: Path, index: dict[str, object], folders: tuple[str, ...]) -> Iterator[ModelPart]:
    """The essential parts, and the other named ones that have a folder."""
    for name in dict.fromkeys((*ESSENTIAL, *_named(index))):
        if name in folders:
            yield read_part_folder(path / name, name, *read_json(path / name / _config_name(name)))
        elif name in ESSENTIAL:
            yield ModelPart(name, False)


def _config_name(part: str) -> str:
    return {
        "scheduler": "scheduler_config.json",
        "tokenizer": "tokenizer_config.json",
        "feature_extractor": "preprocessor_config.json",
    }.get(part, "config.json")


def _named(index: dict[str, object]) -> tuple[str, ...]:
    """Parts that the index wants loaded: `"name": ["library", "Class"]`, not `[null, null]`."""
    return tuple(
        name
        for name, value in index.items()
        if isinstance(value, list) and len(value) == 2 and all(isinstance(item, str) for item in value)
        and not name.startswith("_") and re.fullmatch(r"\w{1,64}", name)
    )  # fmt: skip


def _pickled(part: ModelPart) -> tuple[str, ...]:
    """The files of a part that a run would unpickle: those of parts that have no safetensors to prefer."""
    if any(file.endswith(".safetensors") for file in part.weights):
        return ()
    return tuple(file for file in part.weights if file.endswith(".bin"))


def _hub_id(path: Path, project: Path) -> str:
    """`owner/name` as it was typed, where a setting made a path of it."""
    for base in (project, Path.cwd()):
        if path.is_relative_to(base):
            typed = path.relative_to(base).as_posix()
            if _HUB_ID.fullmatch(typed) and not (base / typed.split("/")[0]).exists():
                return typed
    return ""


def _model_below(path: Path, folders: tuple[str, ...]) -> str:
    """A folder below that holds an index: an extra level, or the hub's cache layout (`snapshots/<revision>`)."""
    for name in folders[:50]:
        if (path / name / INDEX).is_file():
            return str(path / name)
    if "snapshots" in folders:
        try:
            revisions = list_folder(path / "snapshots").folders
        except OSError:
            return ""
        return next(
            (str(path / "snapshots" / r) for r in revisions[:50] if (path / "snapshots" / r / INDEX).is_file()), ""
        )
    return ""


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
