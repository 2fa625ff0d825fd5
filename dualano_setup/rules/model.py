"""Rules about the base model."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from ..facts.fact import value
from ..facts.project.model import ESSENTIAL, INDEX
from ..language import N_, _
from .finding import Verdict, fail
from .model_layout import LAYOUT, check_layout
from .rule import Context, Rule, given
from .wording import listing, shown

if TYPE_CHECKING:
    from ..facts.sheet import BaseModel, ModelPart

PIPELINES = ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline")
LATENT_CHANNELS = 4
SD2_WIDTH = 1024
"""Hidden size of OpenCLIP ViT-H, the text encoder of Stable Diffusion 2.x; 1.x has 768 (their model cards)."""


def check_place(context: Context) -> Iterator[Verdict]:
    """MODEL001: the folder that was named does not exist."""
    model = given(context.sheet.model)
    if model.exists:
        return
    named = _("`{name}` reads like a name on the model hub; no such folder is here", name=shown(model.hub_id))
    yield fail(
        named if model.is_hub_id else _("{path} is not there", path=shown(model.path)),
        cure=_("Download Stable Diffusion 1.5 in diffusers layout and set `model` to its folder."),
        evidence=shown(model.path),
    )


def check_parts(context: Context) -> Iterator[Verdict]:
    """MODEL002: parts, configs and weights that are missing or cut short."""
    model = given(context.sheet.model)
    if model.index_error:
        yield _incomplete(f"{INDEX}: {model.index_error}", INDEX, essential=True)
    for part in model.parts:
        for problem in _part_problems(part):
            yield _incomplete(problem, part.name, essential=part.name in ESSENTIAL)


def _part_problems(part: ModelPart) -> Iterator[str]:
    if not part.exists:
        yield _("the folder {part}/ is missing", part=part.name)
        return
    if part.missing:
        lacks = _("{part}/ lacks {files}", part=part.name, files=listing(part.missing))
        yield f"{lacks} ({shown(part.error)})" if part.error else lacks
    elif part.error:
        yield f"{part.name}/: {shown(part.error)}"
    if part.truncated:
        yield _("{part}/ has files that are cut short: {files}", part=part.name, files=listing(part.truncated))


def _incomplete(problem: str, subject: str, *, essential: bool) -> Verdict:
    return Verdict(
        "fail" if essential else "warn",
        problem,
        cure=_("Download the named files again from where the model comes from."),
        evidence=subject,
        subject=subject,
    )


def check_pointers(context: Context) -> Iterator[Verdict]:
    """MODEL003: a clone made without Git LFS."""
    model = given(context.sheet.model)
    files = [f"{part.name}/{name}" for part in model.parts for name in part.pointers]
    if files:
        yield fail(
            _("{files}: a few lines of text instead of the weights", files=listing(files)),
            cure=_("Run `git lfs install` and `git lfs pull` in the model's folder."),
            evidence=shown(model.path),
        )


def check_kind(context: Context) -> Iterator[Verdict]:
    """MODEL004: another model family, or another layout."""
    model = given(context.sheet.model)
    if not model.exists:
        return
    found = _other_kind(model)
    if found:
        cure = _("Take Stable Diffusion 1.5 (or a fine-tune of it) as a folder with {index}.", index=INDEX)
        if model.nested_hint:
            cure = _("{cure} The model seems to be in {folder}.", cure=cure, folder=shown(model.nested_hint))
        yield fail(found, cure=cure, evidence=shown(model.path))


def _other_kind(model: BaseModel) -> str:
    if model.single_file:
        return _("{file} is a single checkpoint file, not a folder in diffusers layout", file=shown(model.single_file))
    if model.index is None:
        return "" if model.index_error else _("there is no {index}", index=INDEX)
    name = model.index.get("_class_name")
    family = _family(str(name), model)
    if family:
        return _("it is {family} ({index} says `{name}`)", family=family, index=INDEX, name=shown(name))
    unet = next((part.config for part in model.parts if part.name == "unet"), None) or {}
    text = next((part.config for part in model.parts if part.name == "text_encoder"), None) or {}
    width, hidden = unet.get("cross_attention_dim"), text.get("hidden_size")
    if unet.get("in_channels", LATENT_CHANNELS) != LATENT_CHANNELS:
        return _(
            "its UNet takes {number} channels instead of 4: an inpainting or depth model",
            number=shown(unet["in_channels"]),
        )
    if width == SD2_WIDTH or hidden == SD2_WIDTH:
        return _("its text encoder is 1024 wide: Stable Diffusion 2.x, where 1.x has 768")
    if isinstance(width, int) and isinstance(hidden, int) and width != hidden:
        return _(
            "its UNet expects text {width} wide and its text encoder gives {hidden}: parts of two models",
            width=width,
            hidden=hidden,
        )
    return ""


def _family(name: str, model: BaseModel) -> str:
    index = model.index or {}
    if "XL" in name or "text_encoder_2" in index:
        return _("Stable Diffusion XL or 3")
    if "transformer" in index and "unet" not in index:
        return _("a transformer model without a UNet")
    if "Inpaint" in name:
        return _("an inpainting model")
    return "" if name in PIPELINES else _("not a text-to-image Stable Diffusion model")


def check_named(context: Context) -> Iterator[Verdict]:
    """MODEL005: the whole pipeline is loaded at the end of a run, and then fails."""
    model = given(context.sheet.model)
    if model.named_but_absent:
        checkout = value(context.sheet.checkout)
        yield Verdict(
            "fail" if checkout and checkout.recognised else "warn",
            _(
                "{index} names {parts}, and there is no such folder; loading the whole pipeline "
                "fails, as the checkout's trainer does when it has finished",
                index=INDEX,
                parts=listing(model.named_but_absent),
            ),
            cure=_("Set these entries to `[null, null]` in {index}, or download the folders.", index=INDEX),
            evidence=f"{shown(model.path)}/{INDEX}",
        )


_rule = partial(Rule, needs=("model",), after=("MODEL001",), repairable=True)
RULES = (
    _rule("MODEL001", N_("the base model is not there"), check_place, after=(), fine=N_("The base model is there")),
    _rule(
        "MODEL002",
        N_("the base model is incomplete"),
        check_parts,
        after=("MODEL001", "MODEL004"),
        fine=N_("The base model is complete"),
    ),
    _rule(
        "MODEL003",
        N_("Git LFS pointer files stand where weights should be"),
        check_pointers,
        fine=N_("Weights are real files, not Git LFS pointers"),
    ),
    _rule(
        "MODEL004",
        N_("the base model is not Stable Diffusion 1.x in diffusers layout"),
        check_kind,
        repairable=False,
        fine=N_("The base model is Stable Diffusion 1.x in diffusers layout"),
    ),
    _rule(
        "MODEL005",
        N_("the model's index names parts whose folder is absent"),
        check_named,
        fine=N_("Every part that the model's index names is there"),
    ),
    _rule(
        "MODEL006",
        LAYOUT,
        check_layout,
        after=("MODEL001", "MODEL004"),
        fine=N_("The base model's files lie where diffusers looks"),
    ),
)
