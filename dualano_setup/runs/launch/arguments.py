"""From settings to the flags of a trainer. Pure: what the user typed after `--` comes last and wins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ...errors import UsageError
from ...language import _
from ...settings.options import Settings

CHECKOUT_TREES = {"bcm": "bcm-dual-interrelated_diff", "dual": "dual-interrelated_diff"}
CHECKOUT_SCRIPTS = {"bcm": "train_dreambooth_lora_single_background.py", "dual": "train_dreambooth_lora.py"}
# The authors' scripts demand a prompt and do not use it; this one is the guide's.
_UNUSED_PROMPT = "a srw"
#: Steps of the bundled trainer's recipes, and the settings that a recipe says where nobody else does.
RECIPE_STEPS = {"published": 5000, "short": 1000}
_OF_RECIPES = {"--max_train_steps": "steps", "--learning_rate": "learning_rate"}
_TEXT_ENCODER, _NO_TEXT_ENCODER = "--train_text_encoder", "--no-train_text_encoder"


def value_of(flag: str, arguments: Sequence[str]) -> str | None:
    """What a trainer's argument list says for `--flag`, the last time it is given; None when it is not."""
    found = values_of(flag, arguments)
    return found[-1] if found else None


def values_of(flag: str, arguments: Sequence[str]) -> list[str]:
    """What a trainer's argument list says for `--flag`, each time it is given."""
    found = []
    for number, argument in enumerate(arguments):
        if argument == flag and number + 1 < len(arguments):
            found.append(arguments[number + 1])
        elif argument.startswith(f"{flag}="):
            found.append(argument.partition("=")[2])
    return found


def without(flags: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """A trainer's argument list less these flags and their values."""
    kept: list[str] = []
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in flags:
            skip = True
        elif argument.partition("=")[0] not in flags:
            kept.append(argument)
    return kept


def required(settings: Settings, extra: Sequence[str], trainer: str) -> list[str]:
    """What is still to be said before a training can start, in words that name the flags; empty when all is there."""
    missing = []
    if settings.model is None and value_of("--pretrained_model_name_or_path", extra) is None:
        missing.append(_("the base model: --model PATH (a Stable Diffusion 1.5 folder in diffusers layout)"))
    if value_of("--instance_data_dir", extra) is None:
        if settings.data is None:
            missing.append(_("the data: --data PATH (the MVTec AD root), with --category NAME and --anomaly NAME"))
        elif settings.category is None or settings.anomaly is None:
            missing.append(_("what to learn: --category NAME and --anomaly NAME (folders below the data root)"))
    elif trainer == "checkout" and settings.variant == "dual" and not _images_are_named(settings, extra):
        missing.append(_("what to learn: --category NAME and --anomaly NAME (folders below the data root)"))
    needs_masks = trainer == "bundled" and (value_of("--variant", extra) or settings.variant) == "bcm"
    if needs_masks and settings.foreground is None and value_of("--condition_dir", extra) is None:
        missing.append(_("the object masks: --foreground PATH (or the variant without them: -- --variant dual)"))
    if trainer == "checkout" and settings.checkout is None:
        missing.append(_("the authors' repository: --checkout PATH"))
    return missing


def _images_are_named(settings: Settings, extra: Sequence[str]) -> bool:
    """Whether the authors' plain script is told category and anomaly: it finds its images by these names alone."""
    said = settings.category is not None and settings.anomaly is not None
    return said or all(value_of(flag, extra) is not None for flag in ("--mvtec_name", "--mvtec_anamaly_name"))


def bundled_arguments(settings: Settings, output: Path, extra: Sequence[str]) -> list[str]:
    """The argument list of the bundled trainer. Precision is not among them: the run's accelerate file says it."""
    variant = value_of("--variant", extra) or settings.variant
    common = _common(settings, output)
    if value_of("--recipe", extra) is not None:
        common = [(flag, value) for flag, value in common if _OF_RECIPES.get(flag, "") not in _unsaid(settings)]
    pairs: list[tuple[str, object]] = [*common, ("--variant", settings.variant)]
    if variant == "bcm":
        pairs.append(("--condition_dir", settings.foreground))
    return [*_unless_said(pairs, extra), *_switches(settings, extra), *extra]


def checkout_arguments(settings: Settings, output: Path, extra: Sequence[str]) -> list[str]:
    """The argument list of the authors' script, as the guide gives it."""
    constant = [("--instance_prompt", _UNUSED_PROMPT), ("--lr_scheduler", "constant"), ("--lr_warmup_steps", "0")]
    pairs = [*_common(settings, output), *constant, *_named_images(settings)]
    kept = [argument for argument in extra if argument != _NO_TEXT_ENCODER]  # which these scripts do not know
    return [*_unless_said(pairs, extra), *_switches(settings, extra), *kept]


def _named_images(settings: Settings) -> list[tuple[str, object]]:
    """The plain script looks for its images by these names below its data root; without them it finds none."""
    if settings.variant != "dual" or settings.category is None or settings.anomaly is None:
        return []
    return [("--mvtec_name", settings.category), ("--mvtec_anamaly_name", settings.anomaly)]


def _unsaid(settings: Settings) -> set[str]:
    """The settings of recipes that have their default."""
    return {name for name in _OF_RECIPES.values() if name not in settings.said_by}


def _unless_said(pairs: Iterable[tuple[str, object]], extra: Sequence[str]) -> list[str]:
    """Flags with their values, less those that ARGS give: a run's record and log hold only what held."""
    wanted = ((flag, value) for flag, value in pairs if value is not None and value_of(flag, extra) is None)
    return [text for flag, value in wanted for text in (flag, str(value))]


def _switches(settings: Settings, extra: Sequence[str]) -> list[str]:
    """The flags without a value."""
    switches = [] if {_TEXT_ENCODER, _NO_TEXT_ENCODER} & {*extra} else [_TEXT_ENCODER]
    if settings.gradient_checkpointing and "--gradient_checkpointing" not in extra:
        switches.append("--gradient_checkpointing")
    return switches


def _common(settings: Settings, output: Path) -> list[tuple[str, object]]:
    return [
        ("--pretrained_model_name_or_path", settings.model),
        ("--instance_data_dir", instance_folder(settings)),
        ("--output_dir", output),
        ("--resolution", settings.resolution),
        ("--train_batch_size", settings.batch_size),
        ("--gradient_accumulation_steps", settings.gradient_accumulation_steps),
        ("--learning_rate", settings.learning_rate),
        ("--max_train_steps", settings.steps),
        ("--rank", settings.rank),
    ]


def instance_folder(settings: Settings) -> Path | None:
    """`<data>/<category>/test/<anomaly>`, or None when one of them is not known."""
    if settings.data is None or settings.category is None or settings.anomaly is None:
        return None
    return settings.data / settings.category / "test" / settings.anomaly


def steps_of(settings: Settings, extra: Sequence[str]) -> int:
    """How many steps the trainer will be told to take. Raises UsageError when ARGS give no whole number."""
    said = value_of("--max_train_steps", extra)
    if said is None:
        recipe = value_of("--recipe", extra) or ""
        return RECIPE_STEPS.get(recipe, settings.steps) if "steps" in _unsaid(settings) else settings.steps
    if not said.isdigit():
        raise UsageError(_("--max_train_steps is {said!r}, expected a whole number above 0", said=said))
    return int(said)
