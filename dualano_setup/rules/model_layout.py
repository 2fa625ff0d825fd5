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
from .wording import listing, shown

if TYPE_CHECKING:
    from ..facts.sheet import ModelPart

LAYOUT = N_("the base model is saved in a way that the training libraries misread")
OF_DIFFUSERS = ("unet", "vae")
FOLLOWS_INDEX = (0, 29)
"""diffusers reads indexes of shards from here on (its modeling_utils.py, 0.28.2 and 0.29.2), stale ones included."""
NEW_TRANSFORMERS = (5,)


def check_layout(context: Context) -> Iterator[Verdict]:
    """MODEL006: each library's own rows, by the version that trains."""
    model = given(context.sheet.model)
    for part in model.parts:
        for problem, cure in _problems(context, part):
            yield fail(problem, cure=cure, evidence=f"{shown(model.path)}/{part.name}", subject=part.name)


def _problems(context: Context, part: ModelPart) -> Iterator[tuple[str, str]]:
    """(what is wrong, what cures it) of one part."""
    diffusers, transformers = _version(context, "diffusers"), _version(context, "transformers")
    old = bool(transformers) and numbers(transformers) < NEW_TRANSFORMERS
    if STALE_INDEX in part.layout and part.name in OF_DIFFUSERS and numbers(diffusers) >= FOLLOWS_INDEX:
        stale = listing([f"{name}.index.json" for name in part.weights])
        yield (
            _(
                "{part}/ holds {index} of an earlier save in several files beside the whole file; "
                "diffusers {version} follows it and ends with FileNotFoundError",
                part=part.name,
                index=stale,
                version=diffusers,
            ),
            _("Copy the model's folder without {index}, and name the copy.", index=stale),
        )
    if old and NO_PREFIX in part.layout:
        yield (
            _(
                "the tensors of {part}/ have no `text_model.` before their names, as transformers 5 writes them; "
                "transformers {version} loads none of them and goes on with random numbers",
                part=part.name,
                version=transformers,
            ),
            _("Train with transformers 5, or put `text_model.` before every name in a copy of the file."),
        )
    if old and ONE_FILE in part.layout:
        yield (
            _(
                "{part}/ has only the tokenizer.json of transformers 5, which transformers {version} cannot read",
                part=part.name,
                version=transformers,
            ),
            _("Put vocab.json and merges.txt of the original model into a copy of {part}/.", part=part.name),
        )
    if NO_LENGTH in part.layout and _has_checkout(context):
        yield (
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
