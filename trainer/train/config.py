"""The command line: diffusers' conventional flag names, read into one typed, frozen configuration.

Imports nothing heavy, so that `--help` and wrong usage answer at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from .flags.groups import (
    RECIPES,
    add_data_options,
    add_method_options,
    add_model_options,
    add_optimizer_options,
    add_output_options,
    add_sheet_options,
    add_speed_options,
)
from .flags.types import TypesError, split

DESCRIPTION = """Train DualAnoDiff's adapters on Stable Diffusion 1.5: two interrelated frames
(whole image, anomaly part), with or without the background module.
Start it with `accelerate launch -m trainer` and these options, or with `python -m trainer` on one device."""

EPILOG = """Exit status: 0 done; 1 the work failed or something given cannot be used; 2 wrong usage;
130/143/138/140 interrupted by SIGINT/SIGTERM/SIGUSR1/SIGUSR2 after a checkpoint was written.
docs/trainer.md explains the method."""


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Everything a run depends on, by the names of the flags; `--help` explains each."""

    pretrained_model_name_or_path: str
    revision: str | None
    instance_data_dir: Path
    condition_dir: Path | None
    mask_dir: Path | None
    selection: str
    resolution: int
    center_crop: bool
    flips: str
    instance_prompt: str | None
    prompt_blend: str
    prompt_fg: str
    variant: str
    rank: int
    train_text_encoder: bool
    faithful: bool
    initial_weights: Path | None
    seed: int
    train_batch_size: int
    gradient_accumulation_steps: int
    max_train_steps: int
    learning_rate: float
    lr_scheduler: str
    lr_warmup_steps: int
    lr_num_cycles: float
    lr_power: float
    use_8bit_adam: bool
    adam_beta1: float
    adam_beta2: float
    adam_weight_decay: float
    adam_epsilon: float
    max_grad_norm: float
    mixed_precision: str | None
    allow_tf32: bool
    gradient_checkpointing: bool
    attention: str
    cuda_graph: bool | None
    deterministic: bool
    channels_last: bool | None
    cache_latents: bool
    output_dir: Path
    logging_dir: str
    report_to: str
    output_format: str
    checkpointing_steps: int
    checkpoints_total_limit: int | None
    resume_from_checkpoint: str | None
    validation_steps: int
    validation_prompt: str | None
    num_validation_images: int


def build_parser() -> argparse.ArgumentParser:
    """The parser of `python -m trainer`."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer",
        description=DESCRIPTION,
        epilog=EPILOG,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_model_options(parser.add_argument_group("base model"))
    add_data_options(parser.add_argument_group("data"))
    add_method_options(parser.add_argument_group("method"))
    add_optimizer_options(parser.add_argument_group("steps and optimiser"))
    add_speed_options(parser.add_argument_group("precision, speed and memory"))
    add_output_options(parser.add_argument_group("output and resuming"))
    add_sheet_options(parser.add_argument_group("sample sheets"))
    return parser


def parse_arguments(argv: Sequence[str] | None = None) -> tuple[TrainingConfig, list[str]]:
    """`parse_types` of a command line with one anomaly type."""
    (config,), notices = parse_types(argv)
    return config, notices


def parse_types(argv: Sequence[str] | None = None) -> tuple[list[TrainingConfig], list[str]]:
    """Read a command line.

    Returns:
        The configuration of each anomaly type, and notices for the person: what was accepted but has no effect.

    Raises:
        SystemExit: status 2 with a message on wrong usage, 0 after `--help`.
    """
    parser = build_parser()
    recipe = parser.parse_args(argv).recipe
    parser.set_defaults(**RECIPES[recipe])
    values = vars(parser.parse_args(argv))
    notices = [f"{flag} has no effect here: {reason}" for flag, reason in values.pop("without_effect") or ()]
    if values.pop("save_bin") and values["output_format"] == "safetensors":
        values["output_format"] = "both"
    if values.pop("enable_xformers_memory_efficient_attention"):
        values["attention"] = "xformers"
    try:
        types = split(values)
    except TypesError as error:
        parser.error(str(error))
    names = [field.name for field in fields(TrainingConfig)]
    configs = [TrainingConfig(**{name: own[name] for name in names}) for own in types]
    config = configs[0]
    problem = find_conflict(config)
    if problem:
        parser.error(problem)
    return configs, [*notices, *prompt_notices(config), *sheet_notices(config), *data_notices(config)]


def find_conflict(config: TrainingConfig) -> str | None:
    """What is wrong with a combination of flags, or None."""
    if config.variant == "bcm" and config.condition_dir is None:
        return (
            "--variant bcm needs --condition_dir, the folder with the object masks "
            "(<condition_dir>/<category>/<anomaly>/<file>.png, white = object); or choose --variant dual"
        )
    if config.resolution % 64:
        return f"--resolution is {config.resolution}; expected a multiple of 64, such as 512"
    if config.resume_from_checkpoint and config.initial_weights:
        return "--resume_from_checkpoint continues a run and --initial_weights begins one; give one of them"
    if config.cuda_graph and config.faithful:
        return "--cuda_graph needs equal batches, which --faithful does not have; leave one of them out"
    return None


def prompt_notices(config: TrainingConfig) -> list[str]:
    """Says which prompts are trained, since upstream requires --instance_prompt and ignores it."""
    if config.instance_prompt is None:
        return []
    notice = (
        f"--instance_prompt {config.instance_prompt!r} is not used, as in upstream: the method trains on "
        f"{config.prompt_blend!r} (whole image) and {config.prompt_fg!r} (anomaly part). "
        "Change those with --prompt_blend and --prompt_fg."
    )
    return [notice]


def data_notices(config: TrainingConfig) -> list[str]:
    """Says which flags about the images have no effect beside others."""
    notices = []
    if config.variant == "dual" and config.condition_dir is not None:
        notices.append("--condition_dir has no effect here: --variant dual has no background module")
    if config.faithful and config.selection not in ("sorted", "paper"):
        notices.append(f"--selection {config.selection} has no effect here: --faithful chooses images as upstream does")
    return notices


def sheet_notices(config: TrainingConfig) -> list[str]:
    """Says when a sheet's prompt is given, but no sheets are made."""
    if config.validation_prompt is None or config.validation_steps:
        return []
    return ["--validation_prompt has no effect here: sample sheets are off; --validation_steps N makes them"]
