"""Puts a run together: latents, frozen model, adapters, optimiser."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch

from ..data.batches import Planner
from ..data.latents import CachedLatents, LatentSource, LiveLatents, State, states_of
from ..errors import TrainerError
from ..kernels.attention import fused_or_sdpa
from ..kernels.availability import why_not
from ..method.adapters import initial_values
from ..method.attention import xformers_kernel
from ..method.objective import NoiseSchedule, load_noise_schedule
from ..method.text import TextEncoder, TextSource, encode_prompts, tokenize
from ..method.unet import DualUNet
from ..optim.adamw import AdamWSettings, AdapterOptimizer
from ..optim.flat_parameters import AdapterParameters
from ..optim.learning_rate import LearningRate
from ..optim.loss_scale import LossScale
from ..variant import PICTURES, Variant
from ..weights.adapter_file import read_weights
from .config import TrainingConfig
from .environment import Run
from .passes import EagerPass, GraphPass, Pass


@dataclass(frozen=True, slots=True)
class Training:
    """Everything the loop needs.

    Attributes:
        latents: of each step's samples.
        scaling: factor on the latents of whole image and part.
        pictures: pictures per sample, 3 with a condition.
        model: the network.
        text: the states of the prompts trained on.
        parameters: what is trained.
        optimizer: how.
        rate: its learning rate.
        run_pass: forward and backward of one pass.
        schedule: the forward process.
        notices: what the person should know.
    """

    latents: LatentSource
    scaling: float
    pictures: int
    model: DualUNet
    text: TextSource
    parameters: AdapterParameters
    optimizer: AdapterOptimizer
    rate: LearningRate
    run_pass: Pass
    schedule: NoiseSchedule
    notices: tuple[str, ...]


def assemble(run: Run, start: int, weights: dict[str, torch.Tensor] | None) -> Training:
    """Load, encode, free what is no longer needed, and build the rest.

    Args:
        run: the run.
        start: steps done already.
        weights: the resumed adapters, or None to start anew or from `--initial_weights`.

    Raises:
        TrainerError: something given cannot be used.
    """
    config, device, dtype, loader = run.config, run.device, run.dtype, run.loader
    latents, scaling, notices = prepare_latents(run, start)
    unet = prepare_unet(run)
    rank = config.rank if config.train_text_encoder else None
    encoder = TextEncoder(loader.text_encoder(), rank=rank)
    layers = {**unet.adapters, **encoder.adapters}
    if weights is None and config.initial_weights is not None:
        weights = read_initial_weights(config)
    if weights is None:
        weights = initial_values({prefix: a.parts for prefix, a in layers.items()}, config.seed)
    parameters = AdapterParameters(layers, weights, device=device, dtype=dtype)
    text = prepare_text(run, encoder, (config.prompt_blend, config.prompt_fg))
    scale = LossScale(device, enabled=dtype == torch.float16)
    schedule = load_noise_schedule(loader.scheduler(), device)
    eager = EagerPass(unet, text, schedule, parameters, scale, config.gradient_accumulation_steps)
    return Training(
        latents,
        scaling,
        len(PICTURES[run.data.variant]),
        unet,
        text,
        parameters,
        AdapterOptimizer(parameters, AdamWSettings.from_flags(config), scale),
        LearningRate.from_flags(config),
        choose_pass(run, eager),
        schedule,
        (*notices, *kernel_notices(device)),
    )


def choose_pass(run: Run, eager: EagerPass) -> Pass:
    """A CUDA graph wherever one can be, unless the flags say otherwise."""
    wanted = run.config.cuda_graph
    if wanted is None:
        wanted = run.on_gpu and not run.config.faithful
    if not wanted:
        return eager
    return GraphPass(eager, required=bool(run.config.cuda_graph), tell=lambda text: print(text, file=sys.stderr))


def kernel_notices(device: torch.device) -> list[str]:
    """Says when the fused kernels cannot be used."""
    reason = why_not() if device.type == "cuda" else None
    return [f"steps use PyTorch's own operations only, which is slower: {reason}"] if reason else []


def prepare_latents(run: Run, start: int) -> tuple[LatentSource, float, list[str]]:
    """Encode the images now and forget the VAE, or keep it where pictures are cut at random.

    Returns:
        The latents, the VAE's factor on them, and notices.
    """
    data, device = run.data, run.device
    vae = run.loader.vae().to(device)
    scaling = float(getattr(vae.config, "scaling_factor", 0.18215))
    cut_at_random = [i for i in range(len(data)) if data.crop_range(i) != (0, 0)]
    if not run.config.cache_latents or cut_at_random:
        notice = (
            f"{len(cut_at_random)} of {len(data)} images are not square and are cut at random around their defects, so "
            "they are encoded in every step, which is slower; --center_crop cuts each at one place, as near to the "
            "centre as its defect allows"
        )
        return LiveLatents(data, vae, device), scaling, [notice] if cut_at_random else []
    cached = CachedLatents(data, vae, needed_states(run.planner, start, run.config), device)
    del vae
    if run.on_gpu:
        torch.cuda.empty_cache()
    return cached, scaling, []


def needed_states(planner: Planner, start: int, config: TrainingConfig) -> set[State]:
    """The images and flips that the remaining steps use, or one more where none remain; stops when all were seen."""
    flips = {"both": 4, "horizontal": 2, "vertical": 2, "none": 1}[config.flips]
    states: set[State] = set()
    for step in range(start, max(config.max_train_steps, start + 1)):
        states.update(states_of(planner.step(step)))
        if len(states) == planner.items * flips:
            break
    return states


def prepare_unet(run: Run) -> DualUNet:
    """The frozen UNet in the computing precision, with its adapters' places."""
    config = run.config
    kernel = xformers_kernel() if config.attention == "xformers" else fused_or_sdpa
    unet = run.loader.unet().to(run.device, run.dtype)
    if run.on_gpu if config.channels_last is None else config.channels_last:
        unet = unet.to(memory_format=torch.channels_last)
    if config.gradient_checkpointing:
        unet.enable_gradient_checkpointing()
    # diffusers checkpoints in training mode only; the network has no dropout that this would switch on.
    unet.train()
    return DualUNet(unet, variant=cast("Variant", config.variant), rank=config.rank, kernel=kernel)


def prepare_text(run: Run, encoder: TextEncoder, prompts: Sequence[str]) -> TextSource:
    """Prompts: encoded at each use if the encoder is trained, else once, and the encoder is freed."""
    tokenizer = run.loader.tokenizer()
    if run.config.train_text_encoder:
        tokens = tokenize(tokenizer, prompts).to(run.device)
        return TextSource(encoder=encoder.to(run.device, run.dtype), tokens=tokens)
    return TextSource(states=encode_prompts(encoder, tokenizer, prompts).to(run.device, run.dtype))


def read_initial_weights(config: TrainingConfig) -> dict[str, torch.Tensor]:
    """The adapters of `--initial_weights`, checked against the flags.

    Raises:
        TrainerError: unreadable, or of another kind of run.
    """
    assert config.initial_weights is not None
    found = read_weights(config.initial_weights)
    for flag, seen, wanted in (
        ("--variant", found.variant, config.variant),
        ("--rank", found.rank, config.rank),
        ("--train_text_encoder", found.text_encoder, config.train_text_encoder),
    ):
        if seen != wanted:
            raise TrainerError(
                f"{config.initial_weights} does not fit: {flag} is {wanted}, the file says {seen}. "
                f"Change {flag} or take another file."
            )
    return found.tensors
