"""Plans a mended copy of a base model that is whole but saved so that the training libraries misread it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ...errors import UsageError
from ...facts.project.model_layout import NO_LENGTH, NO_PREFIX, ONE_FILE, STALE_INDEX, VOCABULARY
from ...facts.sheet import BaseModel, ModelPart
from ...language import _
from ...rules.model_layout import misread, stale_index
from ...rules.rule import Context
from ...settings.options import SETTINGS_FILE, Settings
from ...settings.resolve import resolve
from ...system.files import plain_error, read_whole
from ..action import Planned
from ..actions.mended_copy import MendedCopy, model_files, model_state
from ..actions.tensor_names import renamed_index
from . import weights
from .train_settings import write_settings_file

RULES = ("MODEL006",)
FOLDER = "models"
"""Below the project's state folder: where mended copies lie."""
PREFIX = "text_model."
_CONFIG = "tokenizer_config.json"
_CLIP_LENGTH = 77
"""Tokens; CLIP's text model has no more positions (its paper, section 2.4)."""
_MAX_TOKENIZER = 1 << 25
_MAX_INDEX = 1 << 22
_SHARDS = "model.safetensors.index.json"
"""What transformers calls the index of a network saved in several files."""
_MERGES_HEAD = "#version: 0.2"
"""The first line of merges.txt, which transformers' slow tokenizers skip (tokenization_clip.py, 4.44.2)."""


def plan_copy(context: Context, model: BaseModel, *, without_pickles: bool = False) -> Planned:
    """The copy and the setting that names it; a note alone where the file names a copy and something beats the file.

    `without_pickles`: the pickled weights are left out, for another action to write as safetensors into the copy.
    """
    settings = context.settings
    source = Path(model.path)
    if named := _copy_that_is_beaten(settings, source):
        return Planned(notes=(_beaten(settings, named),))
    rules = (*RULES, *weights.RULES) if without_pickles and model.pickled else RULES
    left_out = [*model.pickled, *weights.pickled_indexes(model)] if without_pickles else []
    prefixed: list[str] = []
    written: dict[str, bytes] = {}
    for part, kind in misread(context, model):
        try:
            if kind == STALE_INDEX:
                left_out.append(f"{part.name}/{stale_index(part)}")
            elif kind == NO_PREFIX:
                prefixed += [f"{part.name}/{file}" for file in part.weights]
                written |= _index_of_shards(source, part)
            elif kind == ONE_FILE:
                left_out.append(f"{part.name}/tokenizer.json")
                written |= _vocabulary(source / part.name, part.name)
            elif kind == NO_LENGTH:
                written[f"{part.name}/{_CONFIG}"] = _with_length(source / part.name / _CONFIG, model)
        except (OSError, ValueError) as error:
            return Planned(notes=(f"{source}: {plain_error(error)}",))
    target = _free_place(settings, source)
    parts = tuple(part.name for part in model.parts if part.exists)
    copy = MendedCopy(
        source,
        target,
        parts,
        tuple(dict.fromkeys(left_out)),
        tuple(written),
        tuple(written.values()),
        tuple(prefixed),
        PREFIX,
        model_state(source, parts),
        _size(source, target, parts, written, prefixed),
        rules,
        _("saved so that the training libraries read it"),
    )
    values = {("", "model"): target.relative_to(settings.project).as_posix()}
    setting = write_settings_file(settings.project, values, rules, _("where the mended copy of the model is"))
    louder = settings.said_by.get("model", str(setting.path)) != str(setting.path)
    return Planned((copy, setting), (_beaten(settings, target),) if louder else ())


def _copy_that_is_beaten(settings: Settings, source: Path) -> Path | None:
    """The copy that dualano.toml names already, where a flag or a variable names another model."""
    try:
        named = resolve({}, {}, settings.project).model
    except UsageError:
        return None
    ours = named is not None and named.parent == settings.state / FOLDER and named.is_dir()
    return named if ours and named != source else None


def _beaten(settings: Settings, copy: Path) -> str:
    return _(
        "{said_by} names the model as it was and beats {file}; drop it, or name {copy}",
        said_by=settings.said_by.get("model", "--model"),
        file=SETTINGS_FILE,
        copy=copy,
    )


def _free_place(settings: Settings, source: Path) -> Path:
    """A folder of the model's name that is not there yet; a copy can itself need another one."""
    root, name = settings.state / FOLDER, source.name or "model"
    number, place = 1, root / name
    while place.exists() or place.is_symlink():
        number += 1
        place = root / f"{name}-{number}"
    return place


def _index_of_shards(source: Path, part: ModelPart) -> dict[str, bytes]:
    """The index of a part that was saved in several files, with the new names; nothing where one file is whole."""
    name = f"{part.name}/{_SHARDS}"
    if part.weights == (_SHARDS.removesuffix(".index.json"),):
        return {}
    return {name: renamed_index(read_whole(source / name, _MAX_INDEX), PREFIX)}


def _vocabulary(folder: Path, part: str) -> dict[str, bytes]:
    """vocab.json and merges.txt as transformers 4 reads them, out of tokenizer.json (a BPE model of tokenizers)."""
    try:
        model = json.loads(read_whole(folder / "tokenizer.json", _MAX_TOKENIZER))["model"]
        vocabulary, merges = dict(model["vocab"]), list(model["merges"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(_("tokenizer.json holds no vocabulary with merges; mend it by hand")) from error
    lines = [merge if isinstance(merge, str) else " ".join(map(str, merge)) for merge in merges]
    names = [f"{part}/{name}" for name in VOCABULARY]
    texts = (json.dumps(vocabulary, ensure_ascii=False), "\n".join([_MERGES_HEAD, *lines, ""]))
    return {name: text.encode() for name, text in zip(names, texts, strict=True)}


def _with_length(file: Path, model: BaseModel) -> bytes:
    """tokenizer_config.json with the length that the text encoder has positions for."""
    entries = json.loads(read_whole(file, _MAX_TOKENIZER))
    config = next((part.config for part in model.parts if part.name == "text_encoder"), None) or {}
    positions = config.get("max_position_embeddings")
    length = positions if isinstance(positions, int) and 0 < positions <= _CLIP_LENGTH else _CLIP_LENGTH
    return (json.dumps({**entries, "model_max_length": length}, indent=2, ensure_ascii=False) + "\n").encode()


def _size(source: Path, target: Path, parts: Sequence[str], written: dict[str, bytes], prefixed: Sequence[str]) -> int:
    """Bytes that the copy takes: what is written, and everything where no links can be made."""
    there = next(parent for parent in target.parents if parent.exists())
    files = dict(model_files(source, tuple(parts)))
    fresh = prefixed if there.stat().st_dev == source.stat().st_dev else files
    return sum(map(len, written.values())) + sum(files[name].stat().st_size for name in fresh)
