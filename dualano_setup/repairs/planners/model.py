"""Plans what the base model needs: its index set right, and files fetched from the hub that they came from."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...facts.fact import value
from ...facts.project.checkout import git_head
from ...facts.project.model import ESSENTIAL, INDEX
from ...facts.sheet import BaseModel, ModelPart
from ...language import _
from ...rules.finding import Finding
from ...rules.rule import Context
from ...system.files import plain_error, read_whole, text_at
from ..action import Planned
from ..actions.download import Download
from ..actions.files import WriteFile
from ..actions.mended_copy import MendedCopy
from . import weights
from .hub import HubFile, hub_address, list_files
from .mended_model import plan_copy

RULES = ("MODEL001", "MODEL002", "MODEL003", "MODEL005", "MODEL006", *weights.RULES)
DEFAULT = "stable-diffusion-v1-5/stable-diffusion-v1-5"
"""The Stable Diffusion 1.5 weights' present home on the hub."""
_MOVED = {"runwayml/stable-diffusion-v1-5": DEFAULT}
"""Names under which old guides have the weights; RunwayML deleted its repository in August 2024."""
_WEIGHTS = ("model.safetensors", "diffusion_pytorch_model.safetensors")
_MAX_TEXT = 1 << 20
_POINTER = re.compile(r"oid sha256:([0-9a-f]{64})\nsize (\d{1,15})\n")
_REMOTE = re.compile(r"url\s*=\s*https://(?:[^/@\s]*@)?huggingface\.co/([\w.-]+/[\w.-]+?)(?:\.git)?\s*$", re.MULTILINE)


def plan(context: Context, findings: Sequence[Finding]) -> Planned:
    """The index is edited in place, what is misread is mended in a copy; all else are downloads, shown with sizes.

    Pickles are converted into that copy where one is made, so that one copy cures both.
    """
    model = value(context.sheet.model)
    planned = Planned()
    if model is None:
        return planned
    rules = {finding.rule for finding in findings}
    if "MODEL003" in rules:
        planned += _pointed_at(model)
    if "MODEL001" in rules or "MODEL002" in rules:
        rule = "MODEL001" if "MODEL001" in rules else "MODEL002"
        planned += _from_hub(model, rule, offline=context.settings.offline)
    if "MODEL005" in rules:
        planned += _index_without_absent(model)
    if "MODEL006" in rules and not planned.actions:  # a copy is made of a model that the other repairs have done with
        planned += plan_copy(context, model, without_pickles="SEC001" in rules)
    copy = next((action.path for action in planned.actions if isinstance(action, MendedCopy)), None)
    return planned + weights.plan(context, [finding for finding in findings if finding.rule in weights.RULES], copy)


def _index_without_absent(model: BaseModel) -> Planned:
    """`[null, null]` for every part that has no folder; the rest of the file stays as it is written."""
    path = Path(model.path) / INDEX
    try:
        before = read_whole(path, _MAX_TEXT)
        text = before.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return Planned(notes=(f"{path}: {plain_error(error)}",))
    for name in model.named_but_absent:
        text = re.sub(rf'("{re.escape(name)}"\s*:\s*)\[[^\[\]]*\]', r"\1[null, null]", text, count=1)
    wanted = dict(model.index or {}) | {name: [None, None] for name in model.named_but_absent}
    if json.loads(text) != wanted:
        return Planned(
            notes=(
                _(
                    "{path} is written unusually; set {named_but_absent} by hand",
                    path=path,
                    named_but_absent=", ".join(model.named_but_absent),
                ),
            )
        )
    why = _("{named_but_absent} are not there", named_but_absent=", ".join(model.named_but_absent))
    return Planned((WriteFile(path, text.encode(), hashlib.sha256(before).hexdigest(), ("MODEL005",), why),))


def _pointed_at(model: BaseModel) -> Planned:
    """What the LFS pointers stand for: each names the SHA-256 and the size of its file."""
    folder = Path(model.path)
    origin = hub_origin(folder)
    if not origin:
        note = _(
            "{folder}: nothing says which repository its Git LFS pointers belong to; run `git lfs pull` there",
            folder=folder,
        )
        return Planned(notes=(note,))
    revision = git_head(folder) or "main"
    actions = []
    for part in model.parts:
        for name in part.pointers:
            path = folder / part.name / name
            found = _POINTER.search(read_whole(path, _MAX_TEXT).decode("utf-8", "replace"))
            if found:
                url = hub_address(origin, revision, f"{part.name}/{name}")
                why = _("the file that the Git LFS pointer stands for")
                actions.append(Download(url, path, found[1], int(found[2]), ("MODEL003",), why))
    return Planned(tuple(actions))


def _from_hub(model: BaseModel, rule: str, *, offline: bool) -> Planned:
    """Files of the repository that the model is, or would be, a copy of."""
    folder = Path(model.path)
    origin = model.hub_id or hub_origin(folder) or ("" if model.exists else DEFAULT)
    if not origin:
        note = _(
            "{folder}: nothing says where it came from; download the files that are named again from there",
            folder=folder,
        )
        return Planned(notes=(note,))
    if offline:
        return Planned(
            notes=(
                _(
                    "{folder} would be downloaded from the hub ({origin}), and --offline forbids it",
                    folder=folder,
                    origin=origin,
                ),
            )
        )
    origin = _MOVED.get(origin, origin)
    try:
        files = list_files(origin)
    except OSError as error:
        return Planned(notes=(_("the hub could not be asked about {origin}: {error}", origin=origin, error=error),))
    wanted = [file for file in files if _is_needed(file.path)]
    if rule == "MODEL002":
        wanted = list(_lacking(model, wanted))
    return Planned(
        tuple(
            Download(
                hub_address(origin, "main", f.path),
                folder / f.path,
                f.sha256,
                f.size,
                (rule,),
                _("from {origin}", origin=origin),
            )
            for f in wanted
        )
    )


def _lacking(model: BaseModel, files: Sequence[HubFile]) -> Iterator[HubFile]:
    """The files of parts that are not there, lack files, or have broken ones.

    Weights that were saved in several files are replaced by the repository's single file when one of them is lacking.
    """
    offered = {file.path for file in files}
    for file in files:
        part = next((p for p in model.parts if p.name == file.path.partition("/")[0]), None)
        name = file.path.rpartition("/")[2]
        if part is None:
            if file.path == INDEX and model.index is None:
                yield file
        elif (
            not part.exists
            or name in part.missing
            or _is_broken(part, name)
            or (name in _WEIGHTS and any(f"{part.name}/{lost}" not in offered for lost in part.missing))
        ):
            yield file


def _is_broken(part: ModelPart, name: str) -> bool:
    said = (*part.truncated, *part.error.split("; "))
    return any(words.startswith((f"{name} ", f"{name}:")) for words in said)


def _is_needed(path: str) -> bool:
    """The index and, of the parts that training reads, everything but variants and pickles."""
    part, __, name = path.rpartition("/")
    if path == INDEX:
        return True
    if part not in ESSENTIAL:
        return False
    return name.endswith((".json", ".txt")) or name in _WEIGHTS


def hub_origin(folder: Path) -> str:
    """`owner/name` on the hub: from a git clone's remote, or from the hub's own cache layout; "" where nothing says."""
    if found := _REMOTE.search(text_at(folder / ".git" / "config", _MAX_TEXT)):
        return found[1]
    for name in folder.parts:
        if name.startswith("models--") and name.count("--") == 2:
            return name.removeprefix("models--").replace("--", "/")
    return ""
