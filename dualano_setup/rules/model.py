"""Rules about the base model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..facts.fact import Known
from ..facts.model import ESSENTIAL, INDEX
from .finding import Finding
from .rule import Context, Rule, fail, warn
from .wording import listing, shown

if TYPE_CHECKING:
    from ..facts.sheet import BaseModel, ModelPart

PLACE, PARTS, POINTERS, KIND, NAMED = (
    "the base model is not there",
    "the base model is incomplete",
    "Git LFS pointer files stand where weights should be",
    "the base model is not Stable Diffusion 1.x in diffusers layout",
    "the model's index names parts whose folder is absent",
)
PIPELINES = ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline")
LATENT_CHANNELS = 4
SD2_WIDTH = 1024
"""Hidden size of OpenCLIP ViT-H, the text encoder of Stable Diffusion 2.x; 1.x has 768 (their model cards)."""


def check_place(context: Context) -> Iterator[Finding]:
    """MODEL001: the folder that was named does not exist."""
    model = _model(context)
    if model.exists:
        return
    named = f"`{shown(model.hub_id)}` reads like a name on the model hub; no such folder is here"
    yield fail(
        "MODEL001",
        PLACE,
        named if model.is_hub_id else f"{shown(model.path)} is not there",
        cure="Download Stable Diffusion 1.5 in diffusers layout and set `model` to its folder.",
        evidence=shown(model.path),
        repairable=True,
    )


def check_parts(context: Context) -> Iterator[Finding]:
    """MODEL002: parts, configs and weights that are missing or cut short."""
    model = _model(context)
    if model.index_error:
        yield _incomplete(f"{INDEX}: {model.index_error}", INDEX, essential=True)
    for part in model.parts:
        for problem in _part_problems(part):
            yield _incomplete(problem, part.name, essential=part.name in ESSENTIAL)


def _part_problems(part: ModelPart) -> Iterator[str]:
    if not part.exists:
        yield f"the folder {part.name}/ is missing"
        return
    if part.missing:
        yield f"{part.name}/ lacks {listing(part.missing)}" + (f" ({shown(part.error)})" if part.error else "")
    elif part.error:
        yield f"{part.name}/: {shown(part.error)}"
    if part.truncated:
        yield f"{part.name}/ has files that are cut short: {listing(part.truncated)}"


def _incomplete(problem: str, subject: str, *, essential: bool) -> Finding:
    return (fail if essential else warn)(
        "MODEL002",
        PARTS,
        problem,
        cure="Download the named files again from where the model comes from.",
        evidence=subject,
        repairable=True,
        subject=subject,
    )


def check_pointers(context: Context) -> Iterator[Finding]:
    """MODEL003: a clone made without Git LFS."""
    model = _model(context)
    files = [f"{part.name}/{name}" for part in model.parts for name in part.pointers]
    if files:
        yield fail(
            "MODEL003",
            POINTERS,
            f"{listing(files)}: a few lines of text instead of the weights",
            cure="Run `git lfs install` and `git lfs pull` in the model's folder.",
            evidence=shown(model.path),
            repairable=True,
        )


def check_kind(context: Context) -> Iterator[Finding]:
    """MODEL004: another model family, or another layout."""
    model = _model(context)
    if not model.exists:
        return
    found = _other_kind(model)
    if found:
        hint = f" The model seems to be in {shown(model.nested_hint)}." if model.nested_hint else ""
        yield fail(
            "MODEL004",
            KIND,
            found,
            cure=f"Take Stable Diffusion 1.5 (or a fine-tune of it) as a folder with {INDEX}.{hint}",
            evidence=shown(model.path),
        )


def _other_kind(model: BaseModel) -> str:
    if model.single_file:
        return f"{shown(model.single_file)} is a single checkpoint file, not a folder in diffusers layout"
    if model.index is None:
        return "" if model.index_error else f"there is no {INDEX}"
    name = model.index.get("_class_name")
    family = _family(str(name), model)
    if family:
        return f"it is {family} ({INDEX} says `{shown(name)}`)"
    unet = next((part.config for part in model.parts if part.name == "unet"), None) or {}
    text = next((part.config for part in model.parts if part.name == "text_encoder"), None) or {}
    width, hidden = unet.get("cross_attention_dim"), text.get("hidden_size")
    if unet.get("in_channels", LATENT_CHANNELS) != LATENT_CHANNELS:
        return f"its UNet takes {shown(unet['in_channels'])} channels instead of 4: an inpainting or depth model"
    if width == SD2_WIDTH or hidden == SD2_WIDTH:
        return "its text encoder is 1024 wide: Stable Diffusion 2.x, where 1.x has 768"
    if isinstance(width, int) and isinstance(hidden, int) and width != hidden:
        return f"its UNet expects text {width} wide and its text encoder gives {hidden}: parts of two models"
    return ""


def _family(name: str, model: BaseModel) -> str:
    index = model.index or {}
    if "XL" in name or "text_encoder_2" in index:
        return "Stable Diffusion XL or 3"
    if "transformer" in index and "unet" not in index:
        return "a transformer model without a UNet"
    if "Inpaint" in name:
        return "an inpainting model"
    return "" if name in PIPELINES else "not a text-to-image Stable Diffusion model"


def check_named(context: Context) -> Iterator[Finding]:
    """MODEL005: the whole pipeline is loaded at the end of a run, and then fails."""
    model = _model(context)
    if model.named_but_absent:
        yield (fail if _has_checkout(context) else warn)(
            "MODEL005",
            NAMED,
            f"{INDEX} names {listing(model.named_but_absent)}, and there is no such folder; loading the whole pipeline "
            "fails, as the checkout's trainer does when it has finished",
            cure=f"Set these entries to `[null, null]` in {INDEX}, or download the folders.",
            evidence=f"{shown(model.path)}/{INDEX}",
            repairable=True,
        )


def _has_checkout(context: Context) -> bool:
    checkout = context.sheet.checkout
    return isinstance(checkout, Known) and checkout.value.recognised


def _model(context: Context) -> BaseModel:
    fact = context.sheet.model
    assert isinstance(fact, Known)
    return fact.value


_NEEDS = ("model",)
_AFTER = ("MODEL001",)
RULES = (
    Rule("MODEL001", PLACE, check_place, _NEEDS, repairable=True),
    Rule("MODEL002", PARTS, check_parts, _NEEDS, (*_AFTER, "MODEL004"), repairable=True),
    Rule("MODEL003", POINTERS, check_pointers, _NEEDS, _AFTER, repairable=True),
    Rule("MODEL004", KIND, check_kind, _NEEDS, _AFTER),
    Rule("MODEL005", NAMED, check_named, _NEEDS, _AFTER, repairable=True),
)
