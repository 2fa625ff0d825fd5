"""What is fuzzed. Each entry takes one input and raises on anything a stranger's file must not be able to cause."""

from __future__ import annotations

import ast
import datetime
import functools
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import yaml

from dualano_setup.errors import UsageError
from dualano_setup.explain import last_error as cause
from dualano_setup.explain.read import explain_bytes
from dualano_setup.facts.project.accelerate import CLUSTER_KEYS, parse_config
from dualano_setup.facts.project.flat_yaml import read_flat
from dualano_setup.facts.project.model import probe as probe_model
from dualano_setup.facts.project.requirements import encode, read_requirements
from dualano_setup.facts.project.weights_file import check_weights
from dualano_setup.patching import PatchError, load_patches, plan
from dualano_setup.repairs.actions.files import WriteFile
from dualano_setup.repairs.planners import accelerate, requirements
from dualano_setup.rules.acc import rules as acc
from dualano_setup.rules.judge import judge
from dualano_setup.rules.req import rules as req
from dualano_setup.runs import progress
from dualano_setup.settings.options import Settings
from dualano_setup.settings.resolve import resolve
from tests.fuzz.words import WORDS
from tests.patching import conftest as shop
from tests.rules import project_sheets as sheets


class Target(NamedTuple):
    """One thing to fuzz: what takes the bytes, and words of its format that random edits put in."""

    take: Callable[[bytes], None]
    words: tuple[bytes, ...]


@functools.cache
def scratch() -> Path:
    """A folder of this process, gone with it."""
    folder = tempfile.TemporaryDirectory(prefix="fuzz-")
    _kept.append(folder)
    return Path(folder.name)


_kept: list[tempfile.TemporaryDirectory[str]] = []


def _names(error: Exception, place: str) -> None:
    assert place in str(error), "the message does not say which file is meant"


def take_requirements(data: bytes) -> None:
    """Reads, judges and repairs: lines no finding names stay as they are, and a second repair has nothing to do."""
    file = read_requirements("/checkout/requirements.txt", data)
    if file.problem_kind in ("binary", "encoding"):
        return
    assert encode(file.text, file.encoding) == data, "the text does not lead back to the bytes"
    context = sheets.context(requirements=file, environment=sheets.environment("3.11.7"))
    found = [row for row in judge(context, req.RULES) if row.repairable and row.rule in requirements.RULES]
    rules = {row.rule for row in found}
    new, _ = requirements.repaired(context, rules, {})
    again = sheets.context(
        requirements=read_requirements(file.path, encode(new, file.encoding)), environment=sheets.environment("3.11.7")
    )
    assert requirements.repaired(again, rules, {})[0] == new, "the second repair finds something left"
    for action in requirements.plan(context, found).actions:
        assert action.path == Path(file.path), "another file is written"


def take_accelerate(data: bytes) -> None:
    """Reads as PyYAML does wherever it reads flat; a repair parses, and keeps every value it was not asked for."""
    text, values, problem = parse_config(data)
    assert (values is None) == bool(problem)
    flat = read_flat(text)
    if flat is not None:
        assert repr(flat) == repr(yaml.safe_load(text)), "read flat, it says something else"
    config = replace(sheets.accelerate({}), text=text, values=values, error=problem)
    context = sheets.context(accelerate=config)
    found = [row for row in judge(context, acc.RULES) if row.repairable and row.rule in accelerate.RULES]
    if not found:
        return
    for action in accelerate.plan(context, found).actions:
        assert action.path == Path(config.path), "another file is written"
        if isinstance(action, WriteFile):
            again = parse_config(action.content)[1]
            assert again is not None, "the result does not parse"
            if values is not None:
                others = {key: repr(value) for key, value in values.items() if key not in CLUSTER_KEYS}
                assert {key: repr(value) for key, value in again.items() if key in others}.items() <= others.items()


def take_settings(data: bytes) -> None:
    """dualano.toml: settings, or a UsageError that names the file."""
    folder = scratch()
    (folder / "dualano.toml").write_bytes(data)
    try:
        settings = resolve({}, {}, folder)
    except UsageError as error:
        _names(error, str(folder))
    else:
        assert all(isinstance(row.until, datetime.date) for row in settings.suppress)


def take_patch_file(data: bytes) -> None:
    """A patch file: loaded, or a PatchError that names it."""
    folder = scratch() / "patch"
    folder.mkdir(exist_ok=True)
    (folder / "one.toml").write_bytes(data)
    try:
        load_patches(folder)
    except PatchError as error:
        _names(error, "one.toml")


def take_log(data: bytes) -> None:
    """A log: explained, its cause and its progress read, whatever stands in it."""
    explain_bytes(data)
    text = data.decode("utf-8", "replace")
    assert len(cause.last_error(text)) <= cause.CAUSE_LINES + 1
    cause.trainer_status(text)
    for seen in (progress.from_bar(text), progress.from_metrics(text, 10)):
        if seen is not None:
            assert "\n" not in progress.line_of(seen)
    progress.is_bar(text)


def take_weights(data: bytes) -> None:
    """The same bytes as safetensors, as a pickled file and as every JSON of a model's folder."""
    folder = scratch() / "model"
    unet = folder / "unet"
    unet.mkdir(parents=True, exist_ok=True)
    names = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin", "config.json")
    for place in (folder / "model_index.json", *(unet / name for name in names)):
        place.write_bytes(data)
    state, _ = check_weights(unet / names[0])
    assert (state != "whole") or _lists_whole(data), "called whole, and is not"
    check_weights(unet / names[1])
    probe_model(Settings(project=folder, model=folder))
    (unet / names[0]).unlink()
    (unet / (names[0] + ".index.json")).write_bytes(data)
    probe_model(Settings(project=folder, model=folder))
    (unet / (names[0] + ".index.json")).unlink()


def _lists_whole(data: bytes) -> bool:
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    return isinstance(header, dict) and len(data) >= 8 + length


def take_pickled(data: bytes) -> None:
    """The trainer's reader of `.bin`: tensors, or a TrainerError."""
    from trainer.errors import TrainerError
    from trainer.weights.pickled import read_pickled

    place = scratch() / "weights.bin"
    place.write_bytes(data)
    try:
        read_pickled(place)
    except TrainerError as error:
        _names(error, str(place))


def take_patch_target(data: bytes) -> None:
    """A source that patches name: refused, or edited in that file alone, parsing, with nothing left to do."""
    folder = scratch() / "checkout"
    (folder / "shop").mkdir(parents=True, exist_ok=True)
    place = folder / "shop" / "open.py"
    place.write_bytes(data)
    given = {"data": "/tmp/somewhere"}
    try:
        edits = plan(folder, _shop_patches(), given)
    except PatchError:
        return
    assert {edit.path for edit in edits} <= {place}, "another file is edited"
    assert place.read_bytes() == data, "planning wrote"
    for edit in edits:
        ast.parse(edit.after)
        place.write_bytes(edit.after)
    assert plan(folder, _shop_patches(), given) == (), "a second application finds something left"


@functools.cache
def _shop_patches() -> tuple[object, ...]:
    folder = scratch() / "patches"
    folder.mkdir()
    for name in ("PATCH_A", "PATCH_B", "PATCH_C"):
        (folder / f"{name.lower()}.toml").write_text(getattr(shop, name))
    return load_patches(folder)


TAKES: dict[str, Callable[[bytes], None]] = {
    "requirements": take_requirements,
    "accelerate": take_accelerate,
    "settings": take_settings,
    "patch_file": take_patch_file,
    "log": take_log,
    "weights": take_weights,
    "pickled": take_pickled,
    "patch_target": take_patch_target,
}
TARGETS = {name: Target(take, WORDS[name]) for name, take in TAKES.items()}
