"""MODEL006: a model that is whole, but saved in a way that the libraries of this environment misread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..facts.fact import value
from ..facts.project.model_layout import NO_LENGTH, NO_PREFIX, ONE_FILE, STALE_INDEX
from ..language import N_, _
from ..versions import numbers
from .finding import Verdict, fail
from .rule import Context, given
from .wording import shown

if TYPE_CHECKING:
    from ..facts.sheet import BaseModel, ModelPart

LAYOUT = N_("the base model is saved in a way that the training libraries misread")
OF_DIFFUSERS = ("unet", "vae")
FOLLOWS_INDEX = (0, 29)
"""diffusers reads indexes of shards from here on (its modeling_utils.py, 0.28.2 and 0.29.2), stale ones included."""
NEW_TRANSFORMERS = (5,)


def check_layout(context: Context) -> Iterator[Verdict]:
    """MODEL006: each library's own rows, by the version that trains."""
    model = given(context.sheet.model)
    for part, kind in misread(context, model):
        problem, cure = _words(context, part, kind)
        yield fail(problem, cure=cure, evidence=f"{shown(model.path)}/{part.name}", subject=part.name)


def misread(context: Context, model: BaseModel) -> Iterator[tuple[ModelPart, str]]:
    """(part, kind of facts.project.model_layout) of what the libraries that train here would misread."""
    diffusers, transformers = _version(context, "diffusers"), _version(context, "transformers")
    follows = bool(diffusers) and numbers(diffusers) >= FOLLOWS_INDEX
    old = bool(transformers) and numbers(transformers) < NEW_TRANSFORMERS
    for part in model.parts:
        harms = {
            STALE_INDEX: follows and part.name in OF_DIFFUSERS,
            NO_PREFIX: old,
            ONE_FILE: old,
            NO_LENGTH: _has_checkout(context),
        }
        yield from ((part, kind) for kind in part.layout if harms[kind])


def stale_index(part: ModelPart) -> str:
    """The index beside that part's whole file."""
    return f"{part.weights[0]}.index.json"


def _words(context: Context, part: ModelPart, kind: str) -> tuple[str, str]:
    """(what is wrong, what cures it)."""
    version = _version(context, "diffusers" if kind == STALE_INDEX else "transformers")
    if kind == STALE_INDEX:
        return (
            _(
                "{part}/ holds {index} of an earlier save in several files beside the whole file; "
                "diffusers {version} follows it and ends with FileNotFoundError",
                part=part.name,
                index=shown(stale_index(part)),
                version=version,
            ),
            _("Copy the model's folder without {index}, and name the copy.", index=shown(stale_index(part))),
        )
    if kind == NO_PREFIX:
        return (
            _(
                "the tensors of {part}/ have no `text_model.` before their names, as transformers 5 writes them; "
                "transformers {version} loads none of them and goes on with random numbers",
                part=part.name,
                version=version,
            ),
            _("Train with transformers 5, or put `text_model.` before every name in a copy of the file."),
        )
    if kind == ONE_FILE:
        return (
            _(
                "{part}/ has only the tokenizer.json of transformers 5, which transformers {version} cannot read",
                part=part.name,
                version=version,
            ),
            _("Put vocab.json and merges.txt of the original model into a copy of {part}/.", part=part.name),
        )
    return (
        _(
            "tokenizer_config.json names no `model_max_length`; the checkout's trainer then pads to 10^30 tokens "
            "and ends with OverflowError"
        ),
        _('Add `"model_max_length": 77` to a copy of tokenizer_config.json.'),
    )


def _version(context: Context, name: str) -> str:
    """The version that trains: the environment's, else the one that the profile installs; "" where neither has it."""
    environment = value(context.sheet.environment)
    found = environment.find(name) if environment else None
    return (found.version if found else None) or context.profile.packages.get(name, "")


def _has_checkout(context: Context) -> bool:
    checkout = value(context.sheet.checkout)
    return checkout is not None and checkout.recognised
