"""The flags of the trainer, group by group."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...cli.flag_types import NO_COMPILING, Group, Ignored, above_zero, finite, fraction, natural, positive, rate, seed

#: Schedules of the learning rate, with diffusers' names.
LR_SCHEDULES = (
    "constant",
    "constant_with_warmup",
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
)


def add_model_options(group: Group) -> None:
    """The frozen model."""
    group.add_argument(
        "--pretrained_model_name_or_path",
        required=True,
        metavar="FOLDER",
        help="Stable Diffusion 1.5 in diffusers' layout",
    )
    group.add_argument("--revision", metavar="REV", help="revision, where a hub name is given instead of a folder")


def add_data_options(group: Group) -> None:
    """Training images."""
    group.add_argument(
        "--instance_data_dir",
        required=True,
        action="append",
        type=Path,
        metavar="DIR",
        help="anomalous images: <root>/<category>/test/<anomaly>; given 2 to 8 times, that many anomaly types train "
        "together on one network, as they would alone",
    )
    group.add_argument(
        "--condition_dir",
        type=Path,
        metavar="DIR",
        help="object masks, white = object: <dir>/<category>/<anomaly>/<file> (needed by --variant bcm)",
    )
    group.add_argument(
        "--mask_dir",
        action="append",
        type=Path,
        metavar="DIR",
        help="anomaly masks, where they are not in <root>/<category>/ground_truth/<anomaly>; of several types one each",
    )
    group.add_argument(
        "--selection",
        choices=("sorted", "paper", "all"),
        default="sorted",
        help="which images train: the first third by name (default), upstream's choice, or all",
    )
    group.add_argument(
        "--resolution", type=positive, default=512, metavar="PX", help="side of the training images (512)"
    )
    group.add_argument(
        "--center_crop",
        action="store_true",
        help="cut non-square images as near to the centre as the defect allows, not at random",
    )
    group.add_argument(
        "--flips",
        choices=("both", "horizontal", "vertical", "none"),
        default="both",
        help="mirror at random, p = 0.5 each (both)",
    )
    group.add_argument("--instance_prompt", metavar="TEXT", help="accepted for compatibility; upstream ignores it too")
    group.add_argument(
        "--prompt_blend", default="a vfx with sks", metavar="TEXT", help="prompt of the whole image ('a vfx with sks')"
    )
    group.add_argument("--prompt_fg", default="sks", metavar="TEXT", help="prompt of the anomaly part ('sks')")
    group.add_argument(
        "--dataloader_num_workers",
        nargs=1,
        action=Ignored,
        const="latents are cached, no loader runs",
        help=argparse.SUPPRESS,
    )


def add_method_options(group: Group) -> None:
    """The method itself."""
    group.add_argument(
        "--variant",
        choices=("bcm", "dual"),
        default="bcm",
        help="with the background module (bcm, default) or without (dual)",
    )
    group.add_argument("--rank", type=positive, default=32, metavar="R", help="LoRA rank (32)")
    group.add_argument(
        "--train_text_encoder",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="train LoRA on the text encoder too, as upstream's scripts do",
    )
    group.add_argument(
        "--faithful", action="store_true", help="choose files and cut batches as upstream does; see docs/trainer.md"
    )
    group.add_argument(
        "--initial_weights",
        type=Path,
        metavar="FILE",
        help="start from these adapter weights (.safetensors or .bin, upstream's included)",
    )
    group.add_argument(
        "--seed",
        action="append",
        type=seed,
        metavar="N",
        help="every random draw follows from it (0); of several types, one for all or one each",
    )


#: Steps and rate by name, as defaults of their flags. `short` was measured on a drawn miniature alone: docs/trainer.md.
RECIPES: dict[str, dict[str, object]] = {
    "published": {"max_train_steps": 5000, "learning_rate": 2e-5, "lr_scheduler": "constant"},
    "short": {"max_train_steps": 1000, "learning_rate": 3e-4, "lr_scheduler": "constant"},
}


def add_optimizer_options(group: Group) -> None:
    """Steps, learning rate, AdamW."""
    group.add_argument(
        "--recipe",
        choices=tuple(RECIPES),
        default="published",
        help="steps and rate where their flags do not say them: 5000 at 2e-5 (published), or what did as well on "
        "a drawn miniature in less time (short; not tried on Stable Diffusion 1.5)",
    )
    group.add_argument(
        "--train_batch_size",
        type=positive,
        default=2,
        metavar="B",
        help="samples per device and pass (2); each is two frames and a condition",
    )
    group.add_argument(
        "--gradient_accumulation_steps", type=positive, default=1, metavar="N", help="passes per optimiser step (1)"
    )
    group.add_argument("--max_train_steps", type=positive, default=5000, metavar="N", help="optimiser steps (5000)")
    group.add_argument("--learning_rate", type=rate, default=2e-5, metavar="LR", help="(2e-5)")
    group.add_argument("--lr_scheduler", choices=LR_SCHEDULES, default="constant", help="(constant)")
    group.add_argument(
        "--lr_warmup_steps",
        type=natural,
        default=0,
        metavar="N",
        help="steps of linear warm-up; not used by 'constant' (0)",
    )
    group.add_argument(
        "--lr_num_cycles", type=finite, default=1.0, metavar="N", help="restarts of cosine_with_restarts (1)"
    )
    group.add_argument("--lr_power", type=finite, default=1.0, metavar="P", help="power of 'polynomial' (1)")
    group.add_argument("--use_8bit_adam", action="store_true", help="8-bit optimiser states (needs bitsandbytes)")
    group.add_argument("--adam_beta1", type=fraction, default=0.9, help="(0.9)")
    group.add_argument("--adam_beta2", type=fraction, default=0.999, help="(0.999)")
    group.add_argument("--adam_weight_decay", type=finite, default=1e-2, help="on every parameter (0.01)")
    group.add_argument("--adam_epsilon", type=above_zero, default=1e-8, help="(1e-8)")
    group.add_argument(
        "--max_grad_norm", type=finite, default=1.0, help="clip the joint norm of all gradients; 0 = off (1.0)"
    )


def add_speed_options(group: Group) -> None:
    """What changes speed and memory, not the method."""
    group.add_argument(
        "--mixed_precision",
        choices=("no", "fp16", "bf16"),
        help="precision of the network; adapters stay float32 (default: accelerate's setting, else no)",
    )
    group.add_argument(
        "--allow_tf32",
        action="store_true",
        help="TensorFloat-32 in matrix products too (PyTorch already uses it in convolutions)",
    )
    group.add_argument(
        "--gradient_checkpointing",
        action="store_true",
        help="compute activations twice: about a quarter slower, much less memory",
    )
    group.add_argument("--attention", choices=("sdpa", "xformers"), default="sdpa", help="(sdpa)")
    group.add_argument(
        "--enable_xformers_memory_efficient_attention", action="store_true", help="same as --attention xformers"
    )
    group.add_argument("--compile", nargs="?", action=Ignored, const=NO_COMPILING, help=argparse.SUPPRESS)
    group.add_argument(
        "--cuda_graph",
        action=argparse.BooleanOptionalAction,
        help="record the forward and backward pass once and replay it (on a CUDA GPU, where batches are equal)",
    )
    group.add_argument(
        "--deterministic",
        action="store_true",
        help="use only kernels that give the same bits in every run on a GPU; slower",
    )
    group.add_argument(
        "--channels_last",
        action=argparse.BooleanOptionalAction,
        help="memory layout of convolutions (default: on with a CUDA GPU)",
    )
    group.add_argument(
        "--cache_latents",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="encode each image and flip once, then free the VAE (on); the result is the same",
    )
    group.add_argument(
        "--local_rank",
        "--local-rank",
        nargs=1,
        action=Ignored,
        const="the launcher's environment says it",
        help=argparse.SUPPRESS,
    )


def add_output_options(group: Group) -> None:
    """Where results go, and continuing."""
    group.add_argument(
        "--output_dir",
        action="append",
        type=Path,
        metavar="DIR",
        help="weights, checkpoints, metrics.jsonl (dualano-output); of several types one each, or one in which each "
        "has a folder by the name of its images'",
    )
    group.add_argument(
        "--logging_dir", default="logs", metavar="DIR", help="TensorBoard's files, below the output folder (logs)"
    )
    group.add_argument(
        "--report_to",
        choices=("tensorboard", "none", "trackio", "wandb", "swanlab"),
        default="tensorboard",
        help="(tensorboard); the last three by packages of that name; metrics.jsonl is always written",
    )
    group.add_argument(
        "--output_format",
        choices=("safetensors", "bin", "both"),
        default="safetensors",
        help="of the final weights; bin is what upstream reads (safetensors)",
    )
    group.add_argument("--save_bin", action="store_true", help="same as --output_format both")
    group.add_argument(
        "--checkpointing_steps",
        type=positive,
        default=500,
        metavar="N",
        help="write checkpoint-<step> every N steps (500)",
    )
    group.add_argument(
        "--checkpoints_total_limit", type=positive, metavar="N", help="keep the newest N checkpoints (all)"
    )
    group.add_argument(
        "--resume_from_checkpoint",
        metavar="WHAT",
        help="'latest' (an error if there is none), 'auto' (from step 0 if there is none), or a checkpoint folder",
    )
    # argparse.SUPPRESS keeps `without_effect` out of the help; the actions above fill it.
    group.add_argument("--without_effect", action="store_const", const=None, default=None, help=argparse.SUPPRESS)


def add_sheet_options(group: Group) -> None:
    """Sample sheets while training."""
    group.add_argument(
        "--validation_steps",
        type=natural,
        default=0,
        metavar="N",
        help="write samples/step-<step>.png every N steps: real image, generated one, part, mask; 0 = never (0)",
    )
    group.add_argument(
        "--validation_prompt", metavar="TEXT", help="prompt of the whole images on a sheet (--prompt_blend's)"
    )
    group.add_argument("--num_validation_images", type=positive, default=4, metavar="N", help="pairs on a sheet (4)")
